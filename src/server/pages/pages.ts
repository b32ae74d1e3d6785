import type { Point } from "../../model/cursor.ts";
import { compareKeys, type Key } from "../../model/record.ts";
import { sha256Hex } from "../../util/sha256.ts";
import { utf8 } from "../../util/utf8.ts";
import type { Ask } from "../ask.ts";
import { type Asker, type Core, countRows } from "../core.ts";
import { lineText } from "../lines.ts";
import { onChain, type Progress } from "../progress.ts";
import { Questions } from "../questions.ts";
import type { Subscription } from "../subscription.ts";
import { Shelf } from "./shelf.ts";
import { type Page, Snapshot } from "./snapshot.ts";
import { readPage, readSpan, type Span, withRevision } from "./span.ts";
import { Tickets } from "./ticket.ts";

/** Snapshots that are remembered. A page of each costs some hundred bytes, beside what the shelf holds of it. */
const REMEMBERED = 1_000;
/** Records that may have changed since a snapshot was cut: an eighth of it, within these bounds. */
const BEHIND = { share: 8, least: 1_000, most: 10_000 };

/** A page as a copy tells it: its lines, or its address. */
export interface SharedPage extends Pick<Page, "last" | "more" | "head"> {
  /** The revision from which the delta begins that closes the copy. */
  readonly at: Point;
  readonly text: string;
}

type Parts = Pick<Core, "followed" | "store" | "clock" | "random" | "metrics" | "rate"> & { readonly limit: number };

/** Copies whose pages are read once for many replicas, and can be kept by caches (P17). */
export class Pages {
  readonly tickets: Tickets;
  readonly #parts: Parts;
  readonly #shelf: Shelf;
  /** Pages that are being made again, by their names on the shelf. */
  readonly #making = new Map<string, Promise<Uint8Array | null>>();
  readonly #snapshots = new Map<string, Snapshot>();
  /** By snapshot: the head as of which it was last found good, or is being looked at. */
  readonly #judged = new WeakMap<Snapshot, { readonly head: string; readonly good: Promise<boolean> }>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#shelf = new Shelf(parts.limit);
    this.tickets = new Tickets(parts);
  }

  /**
   * What remains of a copy. Its next page always comes as lines, so that whoever found an address of no use gets on;
   * those behind it as addresses, while they are in memory.
   */
  async *of({ space, user }: Asker, ask: Ask, { subscription, pages, pattern }: Progress): AsyncGenerator<SharedPage> {
    if (pages === null || pattern !== null || subscription.matcher !== null) return;
    const { scope, collections } = subscription.coverage;
    const name = JSON.stringify([space, scope, collections ?? null]);
    const snapshot = await this.#current(name, { space, user }, ask, subscription);
    const begun = pages.after;
    let told = 0;
    for (let place = 0; ; place++) {
      const page = await snapshot.page(place);
      if (page === null) return;
      if (begun !== null && compareKeys(page.last, begun) <= 0) continue;
      const at = snapshot.at as Point;
      const span: Span = { scope, collections, after: page.after, to: page.last };
      const ticket =
        told++ === 0 || !this.#holds(space, page) ? null : await this.tickets.seal(space, page.digest, user, span);
      if (ticket === null) yield { at, ...page, ...(await this.#lines(space, page, span, at, ask.rows)) };
      else {
        const href = `pages/${page.digest}?ticket=${ticket}`;
        yield { at, ...page, text: lineText({ op: "page", digest: page.digest, at: at.revision, href }) };
      }
    }
  }

  /** Forgets all pages of a space, since what they hold was erased (K2): whoever asks for one gets what there is now. */
  clear(space: string): void {
    this.#shelf.drop(`${space}/`);
    for (const name of this.#snapshots.keys()) {
      if ((JSON.parse(name) as [string])[0] === space) this.#snapshots.delete(name);
    }
  }

  /** Whether something of a space is in memory. */
  has(space: string): boolean {
    return this.#shelf.has(`${space}/`);
  }

  #holds(space: string, { digest }: Page): boolean {
    return this.#shelf.get(`${space}/${digest}`) !== undefined;
  }

  /** The lines of a page; where it is no longer in memory, of what its span holds now. */
  async #lines(space: string, { digest, head }: Page, span: Span, { revision }: Point, rows: Ask["rows"]) {
    const held = this.#shelf.get(`${space}/${digest}`);
    if (held !== undefined) return { text: withRevision(new TextDecoder().decode(held), revision), head };
    const { text, count, ended } = await readSpan(this.#parts.followed, space, span);
    rows(count);
    this.#keep(space, text);
    return { text: withRevision(text, revision), head: ended };
  }

  /**
   * The bytes of a page, from memory, or made again, once for all who ask at the same time. Null where what it held has
   * changed. `rows` is told of what was read.
   */
  async body(space: string, digest: string, span: Span, rows: Ask["rows"]): Promise<Uint8Array | null> {
    const name = `${space}/${digest}`;
    const held = this.#shelf.get(name);
    if (held !== undefined) return held;
    const making = this.#making.get(name) ?? this.#made(space, digest, span, rows);
    this.#making.set(name, making);
    return await making.finally(() => this.#making.delete(name));
  }

  async #made(space: string, digest: string, span: Span, rows: Ask["rows"]): Promise<Uint8Array | null> {
    const { text, count } = await readSpan(this.#parts.followed, space, span);
    rows(count);
    return this.#keep(space, text) === digest ? utf8(text) : null;
  }

  encoded(space: string, digest: string, body: Uint8Array, encoding: string | null): Promise<Uint8Array> {
    return this.#shelf.encoded(`${space}/${digest}`, body, encoding);
  }

  async #current(name: string, asker: Asker, ask: Ask, { coverage }: Subscription): Promise<Snapshot> {
    const known = this.#snapshots.get(name);
    if (known !== undefined && (await this.#isGood(known, asker, ask, coverage))) return this.#remember(name, known);
    const other = this.#snapshots.get(name);
    // Whoever looked at the same time has begun another.
    if (other !== undefined && other !== known) return other;
    const snapshot = this.#cut(asker, coverage);
    return this.#remember(name, snapshot);
  }

  /** A snapshot that ends its pages where the last one did, on whichever server. */
  #cut({ space, user }: Asker, { scope, collections }: Subscription["coverage"]): Snapshot {
    const { followed, store } = this.#parts;
    const note = boundsNote(scope, collections);
    let known: readonly Key[] | null = null;
    const read = async (after: Key | null) => {
      known ??= JSON.parse((await store.note(space, note)) ?? "[]") as Key[];
      const bounds = known.filter((bound) => after === null || compareKeys(bound, after) > 0);
      const reading = await readPage(followed, space, { scope, collections, after }, bounds);
      countRows(this.#parts, user, reading.count);
      return reading;
    };
    return new Snapshot({
      read,
      keep: ({ text }) => this.#keep(space, text),
      complete: async (bounds) => {
        const text = JSON.stringify(bounds);
        if (bounds.length === 0 || text === JSON.stringify(known)) return;
        // Where nothing can be written, other servers may make other pages.
        await store.setNote(space, note, text).catch(() => undefined);
      },
    });
  }

  #remember(name: string, snapshot: Snapshot): Snapshot {
    this.#snapshots.delete(name);
    this.#snapshots.set(name, snapshot);
    for (const oldest of this.#snapshots.keys()) {
      if (this.#snapshots.size <= REMEMBERED) break;
      this.#snapshots.delete(oldest);
    }
    return snapshot;
  }

  #keep(space: string, text: string): string {
    const bytes = utf8(text);
    const digest = sha256Hex(bytes);
    this.#shelf.put(`${space}/${digest}`, bytes);
    return digest;
  }

  /** Whether a copy can begin with its pages: on this history, above the tombstones' horizon, and not far behind. */
  #isGood(snapshot: Snapshot, asker: Asker, ask: Ask, coverage: Subscription["coverage"]): Promise<boolean> {
    const judged = this.#judged.get(snapshot);
    if (judged?.head === ask.head.hash) return judged.good;
    const good = this.#judge(snapshot, asker, coverage);
    this.#judged.set(snapshot, { head: ask.head.hash, good });
    good.catch(() => this.#judged.delete(snapshot));
    return good;
  }

  async #judge(
    snapshot: Snapshot,
    { space, user }: Asker,
    { scope, collections }: Subscription["coverage"],
  ): Promise<boolean> {
    const { at, head } = snapshot;
    if (at === null || head === null) return true;
    const { share, least, most } = BEHIND;
    const limit = Math.min(most, Math.max(least, snapshot.count / share));
    const questions = new Questions();
    const hashes = questions.ask({ kind: "hashes", revisions: [at.revision, head.revision] });
    const after = at.revision;
    const behind = questions.ask({ kind: "behind", scope, collections, after, limit: Math.ceil(limit) + 1 });
    const answers = await questions.read(this.#parts.followed, space);
    countRows(this.#parts, user, answers.of(behind));
    const known = [at, head].every((point) => onChain(point, answers.head, answers.of(hashes)));
    return known && at.revision >= answers.head.horizon.tombstones && answers.of(behind) <= limit;
  }
}

/** Where the ends of a scope's pages are kept, so that all servers of a database make the same ones. */
function boundsNote(scope: string, collections: readonly string[] | undefined): string {
  return `pages ${sha256Hex(JSON.stringify([scope, collections ?? null])).slice(0, 32)}`;
}
