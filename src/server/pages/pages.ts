import type { Point } from "../../model/cursor.ts";
import { compareKeys } from "../../model/record.ts";
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
import { readSpan, type Span, withRevision } from "./span.ts";
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
   * those behind it as addresses. It ends before the copy does where a page can be neither found nor made again.
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
      const span: Span = { scope, collections, after: page.after, count: page.count };
      const body = await this.body(space, page.digest, span);
      if (body === null) {
        if (this.#snapshots.get(name) === snapshot) this.#snapshots.delete(name);
        return;
      }
      const ticket = told++ === 0 ? null : await this.tickets.seal(space, user, span);
      const href = `pages/${page.digest}?ticket=${ticket}`;
      const text =
        ticket === null
          ? withRevision(new TextDecoder().decode(body), at.revision)
          : lineText({ op: "page", digest: page.digest, at: at.revision, href });
      yield { at, text, last: page.last, more: page.more, head: page.head };
    }
  }

  /** The bytes of a page, from memory, or made again where what it held is unchanged; null where that has changed. */
  async body(space: string, digest: string, span: Span): Promise<Uint8Array | null> {
    const held = this.#shelf.get(`${space}/${digest}`);
    if (held !== undefined) return held;
    const { text, count } = await readSpan(this.#parts.followed, space, span);
    this.#parts.metrics.rows(count);
    return this.#keep(space, text) === digest ? (this.#shelf.get(`${space}/${digest}`) ?? utf8(text)) : null;
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
    const { scope, collections } = coverage;
    const { followed } = this.#parts;
    const snapshot = new Snapshot(
      async (after) => {
        const reading = await readSpan(followed, asker.space, { scope, collections, after, count: null });
        countRows(this.#parts, asker.user, reading.count);
        return reading;
      },
      ({ text }) => this.#keep(asker.space, text),
    );
    return this.#remember(name, snapshot);
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
