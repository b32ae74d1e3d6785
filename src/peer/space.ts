import type { Settled } from "../client/state.ts";
import {
  type Batch,
  type Loaded,
  NOTHING_WANTED,
  NOTHING_WRITTEN,
  type NoteRange,
  type Wanted,
} from "../model/batch.ts";
import { Lacking, wantedOf } from "../model/decide.ts";
import { eraseRecords } from "../model/erase.ts";
import { followMirror, LackingFamilies, linkAuthor, type MirrorChange, mutationOf } from "../model/link.ts";
import type { Origins } from "../model/origin.ts";
import type { Rules } from "../model/push.ts";
import { type Key, keyOf, keyParts, type RecordData, type Revision } from "../model/record.ts";
import type { Held, Intake, SpaceRule } from "../server/identity.ts";
import { SCOPES_NOTE, scopesNote } from "../server/rescope.ts";
import { begunRule, CATCH_UPS, RuleBehind } from "../server/rule.ts";
import { type Store, StoreError } from "../store/store.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { RemovedData } from "../wire/links.ts";
import { admit } from "./admit.ts";
import { type Aside, type Conflict, type Lost, lostOf, overwrittenOf } from "./conflicts.ts";
import { asideName, conflictName, endName, leaseName, placeName, rootOf, rowName, storedName } from "./names.ts";
import { advanced, BEGINNING, floored, moved, type Place, placeOf } from "./place.ts";
import type { StoredLink } from "./stored.ts";

/** Attempts to decide, each with the descendants that the one before lacked. */
const ATTEMPTS = 6;
/** So many losses are kept; older ones go as new ones come (S16). */
const LOGGED = 100_000;
/** A server that has not renewed its lease for so long has died, in milliseconds. */
const LEASE = 60_000;

export interface SpaceOptions {
  readonly store: Store;
  readonly space: string;
  readonly link: string;
  /** The identity of the space that is followed, or its address where it tells none; undefined: not known (S24). */
  upstream(): string | undefined;
  /** Whether local transactions go upstream. */
  readonly sends: boolean;
  readonly holder: string;
  /** The rule over the space as a whole (U5), and what becomes of what the link brings; null: nothing of the kind. */
  readonly rule: SpaceRule | null;
  readonly intake: Intake | null;
  /** It is kept in the store: it ends where that has forgotten it (S13). */
  readonly stored: boolean;
  /** Collections that are tables of the database (section T). */
  readonly adopted: ReadonlySet<string>;
  /** Other links into this space, whose records this one leaves alone (S6). */
  others(): readonly string[];
  rules(): Rules;
}

/** "gone": the link has been removed. */
export type Lease = "mine" | "other" | "gone";

/** What one transaction of a link brings. */
export interface Taking {
  readonly changes: readonly Omit<MirrorChange, "before" | "whole" | "barred">[];
  readonly clear: readonly NoteRange[];
  readonly notes: ReadonlyMap<string, string | null>;
  /** The revision of upstream at which the mirror stood so far, and whether it moves on. */
  readonly base: Revision;
  /** The revision of upstream that the changes are of. */
  readonly origin: Revision;
  readonly moves: boolean;
  readonly log: readonly Settled[];
  /** What of it waits for confirmation; "nothing": not even what waited before. */
  readonly held: Held | "nothing" | null;
  /** All of the changes are records that upstream has erased (K2). */
  readonly erased?: readonly Key[];
}

/** Another server runs the link now. */
export class LeaseLost extends StoreError {
  constructor() {
    super("unavailable", "another server runs this link now");
  }
}

/** The space that a link fills, one transaction at a time. */
export class Space {
  readonly #options: SpaceOptions;
  place: Place = BEGINNING;
  /** The next transaction says that the journal has been queued up to here. */
  #next: { readonly taken: Revision; readonly part: number } | null = null;
  #conflicts = 0;
  /** What is to become of its records, where the link is being removed; null: it is not. */
  removing: RemovedData | null = null;

  constructor(options: SpaceOptions) {
    this.#options = options;
  }

  /** How many losses have been logged. */
  get conflicts(): number {
    return this.#conflicts;
  }

  async open(): Promise<void> {
    const { store, space, link } = this.#options;
    const names = [placeName(link), conflictsName(link)];
    const answer = await store.read(space, [{ kind: "notes", names }]);
    this.place = placeOf(answer?.results[0].get(placeName(link)));
    this.#conflicts = Number(answer?.results[0].get(conflictsName(link)) ?? 0);
  }

  /** Takes the link for this server, for a while. */
  async lease(): Promise<Lease> {
    const { store, space, link, holder, stored, rules } = this.#options;
    const { collections } = rules();
    const wanted: Wanted = { ...NOTHING_WANTED, notes: [leaseName(link), storedName(link), SCOPES_NOTE], create: true };
    const batch = await store.write(space, wanted, (loaded): Batch & { mine: Lease } => {
      const { now } = rules();
      const kept = stored ? loaded.notes?.get(storedName(link)) : "{}";
      if (kept === undefined) return { ...NOTHING_WRITTEN, mine: "gone" };
      this.removing = (JSON.parse(kept) as Partial<StoredLink>).removing ?? null;
      const held = JSON.parse(loaded.notes?.get(leaseName(link)) ?? "null") as { holder: string; until: number } | null;
      const mine = held === null || held.holder === holder || store.exclusive || !isWithin(held.until - now);
      const notes = new Map<string, string>();
      if (mine) notes.set(leaseName(link), JSON.stringify({ holder, until: now + LEASE }));
      // A space that this made is of the `scopes` of today (C8).
      if (loaded.head.revision === 0 && !loaded.notes?.has(SCOPES_NOTE))
        notes.set(SCOPES_NOTE, scopesNote(collections));
      return { ...NOTHING_WRITTEN, notes, mine: mine ? "mine" : "other" };
    });
    return batch?.mine ?? "other";
  }

  /** Gives the link up, so that another server need not wait. */
  async release(): Promise<void> {
    const { store, space, link, holder } = this.#options;
    await store.write(space, { ...NOTHING_WANTED, notes: [leaseName(link)] }, (loaded) => {
      const mine = loaded.notes?.get(leaseName(link))?.includes(JSON.stringify(holder)) ?? false;
      return mine ? { ...NOTHING_WRITTEN, notes: new Map([[leaseName(link), null]]) } : NOTHING_WRITTEN;
    });
  }

  /** The next transaction says so, if `work` makes one; nothing is said where it fails. */
  async taking<T>(taken: Revision, part: number, work: () => Promise<T>): Promise<T> {
    this.#next = { taken, part };
    try {
      return await work();
    } finally {
      this.#next = null;
    }
  }

  /** Orders of erasure that upstream has given, under names that are the same each time: told twice, they stand once. */
  async order(keys: readonly Key[]): Promise<string[]> {
    const { store, space, link, rules } = this.#options;
    const time = rules().now;
    const orders: string[] = [];
    for (const key of keys) {
      const order = sha256Hex(JSON.stringify([space, link, key, time])).slice(0, 32);
      await store.order({ order, space, ...keyParts(key), time, author: linkAuthor(link) });
      orders.push(order);
    }
    return orders;
  }

  async take(taking: Taking): Promise<void> {
    const { store, space } = this.#options;
    const { rule } = this.#options;
    let lacking: ReadonlySet<Key> | null = null;
    let behind = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        const done = await store.write(space, this.#wanted(taking, lacking), (loaded) => this.#decide(loaded, taking));
        if (done === null) throw new StoreError("unavailable", `there is no space ${space}`);
        this.place = done.place;
        this.#conflicts = done.conflicts;
        return;
      } catch (error) {
        if (error instanceof RuleBehind && rule !== null && behind++ < CATCH_UPS) {
          attempt--;
          await rule.catchUp();
          continue;
        }
        if (!(error instanceof LackingFamilies || error instanceof Lacking) || attempt === ATTEMPTS) throw error;
        lacking = error.families;
      }
    }
  }

  #wanted({ changes }: Taking, lacking: ReadonlySet<Key> | null): Wanted {
    const { link, rules } = this.#options;
    const others = this.#options.others();
    const names = [placeName(link), leaseName(link), conflictsName(link)];
    for (const { key, after } of changes) {
      if (after === null) names.push(endName(link, key));
      names.push(rowName(link, key), asideName(link, key), ...others.map((other) => rowName(other, key)));
    }
    const mutation = mutationOf(changes);
    const pushes = [{ user: { id: "" }, request: { client: "", mutations: [mutation] } }];
    const { keys, families } = wantedOf(pushes, rules(), false, lacking);
    return { ...NOTHING_WANTED, keys, families, notes: names };
  }

  #decide(loaded: Loaded, taking: Taking): Batch & { place: Place; conflicts: number } {
    const { link, sends, rules, holder, rule, intake } = this.#options;
    const now = rules();
    const notes = loaded.notes ?? new Map<string, string>();
    const lease = notes.get(leaseName(link));
    if (lease === undefined || !lease.includes(JSON.stringify(holder))) throw new LeaseLost();
    const place = placeOf(notes.get(placeName(link)));
    const known = taking.changes.map((change) => ({ ...change, ...this.#known(change, notes) }));
    const admitted =
      intake === null
        ? { changes: known, held: NONE }
        : admit(known, { intake, loaded, held: taking.held, aside: this.#aside(notes) });
    const { changes, held } = admitted;
    if (taking.erased !== undefined) return this.#erased(loaded, taking, changes, place);
    const { batch, refused, overwritten } = followMirror(
      loaded,
      changes,
      {
        author: linkAuthor(link),
        origin: taking.origin,
        taken: sends ? place.taken : null,
        ...(rule !== null &&
          intake !== null && { rule: { user: intake.user, begin: () => begunRule(rule, loaded.head) } }),
      },
      now,
    );
    const written = new Map(taking.notes);
    for (const { key, after } of changes) {
      const rejection = refused.get(key);
      // A deletion that is refused would never come again: the mirror holds nothing of the record any more.
      if (rejection !== undefined && (after !== null || intake !== null)) {
        const { code, message, path } = rejection;
        const aside: Aside = { key, code, message, path, time: now.now, ...(held.has(key) && { held: true }) };
        written.set(asideName(link, key), JSON.stringify(aside));
      } else if (notes.has(asideName(link, key))) written.set(asideName(link, key), null);
    }
    this.#keepEnds(written, changes, batch, loaded);
    const lost = [...taking.log.flatMap(lostOf), ...overwritten.map(overwrittenOf)];
    const conflicts = this.#log(written, lost, notes, changes, now.now);
    const next = this.#moved(place, loaded, taking);
    if (next !== place) written.set(placeName(link), JSON.stringify(next));
    return { ...batch, clear: taking.clear, notes: written, place: next, conflicts };
  }

  /** What upstream has erased goes whatever was written here since, but for records that are not this link's. */
  #erased(
    loaded: Loaded,
    { origin, notes }: Taking,
    changes: readonly MirrorChange[],
    place: Place,
  ): Batch & { place: Place; conflicts: number } {
    const { link, rules } = this.#options;
    const keys = changes.flatMap(({ key, barred }) => (barred === null ? [key] : []));
    const erased = eraseRecords(loaded, keys, { author: linkAuthor(link), mutation: origin }, rules());
    if ("rejected" in erased) throw new StoreError("unavailable", `nothing is erased here: ${erased.rejected.message}`);
    return { ...erased, notes, place, conflicts: this.#conflicts };
  }

  /** What went upstream and is still here, for a write that waits, goes later: by then nobody says any more who did it. */
  #keepEnds(
    written: Map<string, string | null>,
    changes: readonly MirrorChange[],
    { rows }: Batch,
    { rows: before, notes }: Loaded,
  ): void {
    const { link } = this.#options;
    const ended = changes.filter(({ after }) => after === null);
    if (ended.length === 0) return;
    const after = new Map(rows.map((row) => [keyOf(row.collection, row.id), row]));
    for (const { key, origins } of ended) {
      const stays = origins !== undefined && (after.get(key) ?? before.get(key))?.text != null;
      if (stays) written.set(endName(link, key), JSON.stringify(origins));
      else if (notes?.has(endName(link, key))) written.set(endName(link, key), null);
    }
  }

  #aside(notes: ReadonlyMap<string, string>): (key: Key) => Aside | null {
    const { link } = this.#options;
    return (key) => JSON.parse(notes.get(asideName(link, key)) ?? "null") as Aside | null;
  }

  /** What the mirror held of a record, and whether it stands apart. */
  #known(
    { key, origins }: Taking["changes"][number],
    notes: ReadonlyMap<string, string>,
  ): Pick<MirrorChange, "before" | "whole" | "barred" | "origins"> {
    const { link, others, adopted } = this.#options;
    const { collection } = keyParts(key);
    const row = notes.get(rowName(link, key));
    const ended = row === undefined ? notes.get(endName(link, key)) : undefined;
    const other = others().find((each) => notes.has(rowName(each, key)));
    return {
      before: row === undefined ? null : (JSON.parse(row) as { data: RecordData }).data,
      whole: notes.has(asideName(link, key)),
      barred: adopted.has(collection)
        ? `${collection} is a table of the database here, which no link writes`
        : other === undefined
          ? null
          : `the link ${other} brings this record already`,
      origins: origins ?? (ended === undefined ? undefined : (JSON.parse(ended) as Origins)),
    };
  }

  #log(
    written: Map<string, string | null>,
    lost: readonly Lost[],
    notes: ReadonlyMap<string, string>,
    changes: Taking["changes"],
    time: number,
  ): number {
    const { link } = this.#options;
    let number = Number(notes.get(conflictsName(link)) ?? 0);
    const mirror = new Map(changes.map(({ key, after }) => [key, after]));
    for (const each of lost) {
      number++;
      const upstream = mirror.get(`${each.collection}/${each.id}`) ?? null;
      const conflict: Conflict = { number, time, ...each, upstream };
      written.set(conflictName(link, number), JSON.stringify(conflict));
      if (number > LOGGED) written.set(conflictName(link, number - LOGGED), null);
    }
    if (lost.length > 0) written.set(conflictsName(link), String(number));
    return number;
  }

  #moved(place: Place, { head }: Loaded, { moves, base, log }: Taking): Place {
    if (!this.#options.sends) return place;
    const bases = new Map(
      log.flatMap(({ mutation }) =>
        mutation.writes.map((write) => {
          const id = write.op === "delete" ? write.id : write.record.id;
          return [`${write.collection}/${id}`, write.base ?? mutation.base] as const;
        }),
      ),
    );
    let next = floored(moves ? moved(place, head.revision, base) : place, head.revision, bases);
    if (this.#next !== null) next = advanced(next, this.#next.taken, this.#next.part);
    return next;
  }
}

/** Whether a lease runs still; one that ends later than any can is of a clock that was wrong. */
function isWithin(rest: number): boolean {
  return rest > 0 && rest <= LEASE;
}

export function conflictsName(link: string): string {
  return `${rootOf(link)}conflicts`;
}

const NONE: ReadonlySet<Key> = new Set();
