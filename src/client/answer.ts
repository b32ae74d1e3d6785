import type { Revision } from "../model/record.ts";
import type { BeginLine, CopyReason, EndLine, RangeLine, SubscriptionLine } from "../wire/lines.ts";
import { Problem } from "../wire/problem.ts";
import { TransportError } from "./errors.ts";
import type { Local } from "./local.ts";
import type { Received } from "./ndjson.ts";
import { ReplicaDamage, type Segment } from "./replica.ts";
import type { CopyProgress, Subscription } from "./state.ts";
import type { StagedLine } from "./store/store.ts";
import { problemOf } from "./transport.ts";

/** The server's history is not the one that this replica followed (R2). */
export class Diverged extends Error {
  override name = "Diverged";
  /** What both histories share; undefined where the request did not name past cursors. */
  readonly common: Revision | undefined;
  readonly policy: "heal" | "discard";
  constructor(common: Revision | undefined, policy: "heal" | "discard") {
    super("the server was restored to an earlier state");
    this.common = common;
    this.policy = policy;
  }
}

/** The store belongs to another principal (C9). */
export class OtherPrincipal extends Error {
  override name = "OtherPrincipal";
}

/** What one answer has brought for one subscription so far. */
interface Part {
  /** As this answer found or left it. Another object in `local` means that it changed under the answer (P13). */
  subscription: Subscription;
  readonly asked: string | null;
  mode: "copy" | "delta";
  reason: CopyReason | null;
  /** Lines staged by marks, of this answer or of the broken one that it continues, are still good. */
  staged: boolean;
  lines: StagedLine[];
  /** How far a copy has come with what is staged. */
  copied: CopyProgress;
}

/**
 * Reads one answer, line by line. What a mark completes is staged in the store, with the mark's cursor; nothing is shown
 * before `end` (P4). Lines of a subscription that is no longer what the request said are thrown away (P13).
 */
export class Answer {
  readonly #local: Local;
  readonly #asked: ReadonlyMap<string, Subscription>;
  readonly #followed: ReadonlySet<number> | null;
  readonly #parts = new Map<string, Part>();
  #begin: BeginLine | null = null;
  #current: Part | null = null;
  readonly revoked: string[] = [];
  readonly ranges: RangeLine[] = [];
  /** Keys that the server continues from where this replica is not, though it was there: they have to be asked anew. */
  readonly astray = new Set<string>();

  /**
   * - `followed`: on a live connection, numbers of the subscriptions that have been answered before. An answer that does not
   *   mention one of them leaves it complete. Null for the answer to a request, which mentions all that was asked.
   */
  constructor(local: Local, asked: readonly Subscription[], followed: ReadonlySet<number> | null = null) {
    this.#local = local;
    this.#followed = followed;
    this.#asked = new Map(asked.map((subscription) => [subscription.key, subscription]));
  }

  /** Takes a line; gives the last one. A promise: what a mark completes is being written. */
  take({ text, line }: Received): EndLine | Promise<void> | null {
    if (line.op === "error")
      throw problemOf(line.problem) ?? new TransportError("foreign", "the answer ended with an unknown error");
    if (this.#begin === null) {
      if (line.op !== "begin" || line.space !== this.#local.meta.space) {
        throw new TransportError("foreign", "the answer does not begin as that of a Tidemark server");
      }
      this.#checkPrincipal(line);
      this.#begin = line;
      if (this.#local.asksAuthors) this.#local.toldAuthors = line.authors === true;
      return null;
    }
    switch (line.op) {
      case "subscription":
        this.#current = this.#opened(line);
        return null;
      case "put":
      case "patch":
      case "remove":
        this.#current?.lines.push({ text, line });
        return null;
      case "mark":
        return this.#mark(line.key, line.cursor);
      case "range":
        this.ranges.push(line);
        return null;
      case "revoked":
        this.revoked.push(line.key);
        return null;
      case "end":
        this.#fill();
        return line;
      default:
        throw new Problem(
          "upgrade-required",
          `the server speaks of "${line.op}", which this client does not know; update the application`,
        );
    }
  }

  get head(): Revision {
    return this.#begin?.revision ?? 0;
  }

  get principal(): string | null {
    return this.#begin?.principal ?? null;
  }

  /** Why a subscription was copied; null where it was not. */
  reasonOf(key: string): CopyReason | null {
    return this.#parts.get(key)?.reason ?? null;
  }

  /**
   * What can be applied now, in the order of the request: not what changed under the answer.
   * Throws where the answer left out a subscription.
   */
  segments(end: EndLine): Segment[] {
    const segments: Segment[] = [];
    for (const [key, asked] of this.#asked) {
      if (this.revoked.includes(key)) continue;
      const part = this.#parts.get(key);
      if (part === undefined && this.#followed !== null) continue;
      if (!Object.hasOwn(end.subscriptions, key)) throw new TransportError("cut", "the answer left out a subscription");
      const subscription = part?.subscription ?? asked;
      if (this.#local.subscriptions.get(asked.number) !== subscription) continue;
      if (part === undefined)
        throw new TransportError("foreign", "the answer does not say how it continues a subscription");
      segments.push({ subscription, mode: part.mode, staged: part.staged, lines: part.lines.map(({ line }) => line) });
    }
    return segments;
  }

  /** Whether all that is shown is complete to the answer's end, once the segments are applied. */
  completes(segments: readonly Segment[]): boolean {
    const applied = new Set(segments.map(({ subscription }) => subscription.number));
    return [...this.#local.subscriptions.values()].every(({ number, key, revision, revoked }) => {
      if (revoked || revision === null || applied.has(number) || this.revoked.includes(key)) return true;
      return this.#followed?.has(number) === true && !this.#parts.has(key) && !this.astray.has(key);
    });
  }

  #checkPrincipal({ principal }: BeginLine): void {
    const { meta } = this.#local;
    if (meta.principal !== null && principal !== meta.principal)
      throw new OtherPrincipal("this store belongs to another principal");
  }

  /** Whether the line goes on from what is held and staged here; the rest of its lines is thrown away if not. */
  #opened(line: SubscriptionLine): Part | null {
    if (line.mode === "copy" && line.reason === "diverged") throw new Diverged(line.common, line.restore ?? "heal");
    const asked = this.#asked.get(line.key);
    if (asked === undefined) return null;
    const opened = this.#parts.get(line.key);
    const part = opened ?? newPart(asked);
    if (this.#local.subscriptions.get(asked.number) !== part.subscription) return null;
    const { revision } = part.subscription;
    const continues = line.mode === "copy" ? line.from !== null : line.reached !== undefined;
    // What this answer began, it may go on with, also where nothing came before the other subscriptions' turn.
    const staging = part.staged || opened !== undefined ? part.mode : null;
    const fits = line.mode === "delta" ? part.asked !== null && line.since === revision : true;
    if (!fits || (continues && staging !== line.mode)) {
      if (this.#followed?.has(asked.number)) {
        this.#parts.delete(line.key);
        this.astray.add(line.key);
        return null;
      }
      throw new ReplicaDamage(part.subscription, `the server continues ${line.key} from where this replica is not`);
    }
    if (!continues) {
      part.staged = false;
      part.lines = [];
    }
    part.mode = line.mode;
    if (line.mode === "copy") {
      part.reason = line.reason;
      const done = continues ? part.copied.done : 0;
      part.copied = { done, total: line.total === undefined ? null : Math.max(line.total, done) };
    }
    this.#parts.set(line.key, part);
    return part;
  }

  async #mark(key: string, cursor: string): Promise<void> {
    const part = this.#parts.get(key);
    if (part === undefined) return;
    await this.#local.gate.exclusive(async () => {
      const { number } = part.subscription;
      if (this.#local.subscriptions.get(number) !== part.subscription) return;
      const copied = part.mode === "copy" ? arrived(part) : part.copied;
      const subscription: Subscription = { ...part.subscription, cursor, staging: part.mode, copied };
      await this.#local.commit({
        ...(this.#local.meta.principal === null && { meta: { principal: this.principal } }),
        lazy: true,
        ...(!part.staged && { unstage: [number] }),
        stage: [{ subscription: number, lines: part.lines }],
        subscriptions: [subscription],
      });
      part.subscription = subscription;
      part.copied = copied;
      part.staged = true;
      part.lines = [];
    });
  }

  /** The copies have come to their end, whatever has been added or deleted since their totals were told. */
  #fill(): void {
    for (const [key, { mode }] of this.#parts) {
      const total = this.#local.copies[key]?.total;
      if (mode === "copy" && total != null)
        this.#local.copies = { ...this.#local.copies, [key]: { done: total, total } };
    }
  }
}

function newPart(subscription: Subscription): Part {
  const { cursor, staging, copied } = subscription;
  return {
    subscription,
    asked: cursor,
    mode: staging ?? "delta",
    reason: null,
    staged: staging !== null,
    lines: [],
    copied: copied ?? { done: 0, total: null },
  };
}

function arrived({ lines, copied: { done, total } }: Part): CopyProgress {
  const now = lines.reduce((sum, { line }) => sum + (line.op === "put" ? line.records.length : 0), done);
  return { done: Math.min(now, total ?? now), total };
}
