import { type Point, pointOf } from "../model/cursor.ts";
import { formatDigest } from "../model/fingerprint.ts";
import type { RecordData } from "../model/record.ts";
import type { Head, PageQuery, PageResult, ScanQuery, ScanResult } from "../store/store.ts";
import { canonical } from "../util/json.ts";
import type { EndLine, SubscriptionEnd } from "../wire/lines.ts";
import { type Ask, type PageSize, pageSize } from "./ask.ts";
import { erasuresFor, parsedErasure } from "./erasures.ts";
import {
  checkHistory,
  extendPatterns,
  type Joint,
  jointQuestions,
  mirrorPages,
  mirrorsOf,
  scopesAfter,
  smallPatterns,
} from "./joint.ts";
import { deltaLines, hasSteps, lineText, pageText, putText } from "./lines.ts";
import { type Mirror, PAGE_BYTES, PAGE_RECORDS } from "./mirror.ts";
import { behindIn } from "./pattern.ts";
import {
  catchUpOf,
  endCursor,
  markCursor,
  type Progress,
  type Recovery,
  scanOf,
  startOver,
  subscriptionLine,
} from "./progress.ts";
import { type Answers, type Place, Questions } from "./questions.ts";

export type { Addition, Ask, PageSize } from "./ask.ts";

/** Attempts to read everything at one revision before the pages grow, so that an answer ends under any load. */
const PATIENCE = 4;

/**
 * The lines of an answer (P4, P5, P15): pages of copies in turns; then one read of all subscriptions at one revision.
 * Where one of them has more than a page, its page is sent with a mark, and the read is tried again.
 */
export async function* answerLines(ask: Ask): AsyncGenerator<string> {
  const { space, progress, revoked } = ask;
  yield lineText({ op: "begin", space, revision: ask.head.revision, principal: ask.principal });
  for (const key of revoked) yield lineText({ op: "revoked", key });
  const opener = new Opener(ask.recovery);
  const mirrors = mirrorsOf(progress);
  let size = 1;
  /** Patterns with few records, whose fingerprints are added up; null: it has not been looked yet. */
  let small: ReadonlySet<Progress> | null = null;
  yield* sharedPages(ask, opener);
  for (let attempt = 1; ; attempt++) {
    yield* copyPages(ask, mirrors, opener);
    yield* catchUpPages(ask, mirrors, opener);
    await mirrorPages(ask, mirrors);
    const joint = jointQuestions(ask, mirrors, small, size);
    const answers = await joint.questions.read(ask.store, space);
    const head = headPoint(answers.head);
    checkHistory(ask, joint, answers);
    ask.rows(joint.scans.reduce((sum, place) => sum + answers.of(place).changes.length, 0));
    let complete = !restartExpired(progress, answers.head);
    // What is new in a scope that was not known is not in this read: it is tried again.
    if (extendPatterns(ask, joint.scopes, answers, mirrors)) complete = false;
    if (complete) {
      const scans = joint.scans.map((place) => answers.of(place));
      for (const [i, own] of progress.entries()) {
        if (scans[i]?.more) yield* deltaPage(ask, own, scans[i], head, opener);
      }
      complete = scans.every((scan) => !scan.more);
    }
    for (const [key, place] of joint.mirrored) {
      const mirror = mirrors.get(key) as Mirror;
      if (!mirror.takeScan(answers.of(place))) complete = false;
    }
    if (complete && small === null) {
      small = await smallPatterns(ask, joint, answers);
      complete = small.size === 0;
    }
    if (complete) {
      yield* finish(ask, joint, answers, mirrors, opener);
      return;
    }
    if (attempt >= PATIENCE) size = Math.min(size * 2, pageSize(ask).growth);
  }
}

/** Whether an answer would tell a replica anything that it does not have (P12). */
export async function hasNews(ask: Pick<Ask, "store" | "space" | "progress" | "rows">): Promise<boolean> {
  const { store, space, progress } = ask;
  const fresh = ({ reason, reached, at, pattern }: Progress) =>
    reason !== null || reached > at.revision || (pattern !== null && behindIn(pattern).length > 0);
  if (progress.some(fresh)) return true;
  const questions = new Questions();
  const places = progress.map((own) => questions.ask(scanOf(own, PAGE_RECORDS)));
  const answers = await questions.read(store, space);
  const scans = places.map((place) => answers.of(place));
  ask.rows(scans.reduce((sum, { changes }) => sum + changes.length, 0));
  const expired = progress.some(({ at }) => at.revision < answers.head.horizon.tombstones);
  return expired || progress.some((own, i) => (scans[i] as ScanResult).more || hasSteps(own, scans[i] as ScanResult));
}

/** Writes the `subscription` line of a subscription where the last one written is another's. */
class Opener {
  private readonly recovery: Recovery | null;
  /** A copy that starts over gets a new `at`, and its line again. */
  private readonly opened = new Map<Progress, Point>();
  private last: Progress | null = null;

  constructor(recovery: Recovery | null) {
    this.recovery = recovery;
  }

  /** Whether the subscription has had its line in this answer. */
  has(own: Progress): boolean {
    return this.opened.get(own) === own.at;
  }

  line(own: Progress): string {
    if (this.last === own && this.has(own)) return "";
    this.last = own;
    this.opened.set(own, own.at);
    return lineText(subscriptionLine(own, this.recovery));
  }
}

function headPoint({ revision, hash }: Head): Point {
  return pointOf(revision, hash);
}

/** Pages of copies that were read once for many (P17). What they leave open is read as in any copy. */
async function* sharedPages({ space, progress, shared }: Ask, opener: Opener): AsyncGenerator<string> {
  for (const own of progress) {
    let alone = true;
    for await (const { at, text, last, more, head } of shared?.(own) ?? []) {
      // A copy that has begun keeps its beginning, where that lies before the snapshot's.
      if (at.revision < own.at.revision) {
        own.at = at;
        own.reached = at.revision;
      }
      const opening = opener.line(own);
      if (own.key === null || head.revision > own.page.revision) own.page = head;
      own.key = last;
      own.pages = more ? { after: last } : null;
      yield more || !alone ? opening + text + mark(space, own) : opening + text;
      alone = false;
    }
  }
}

/** One page of each copy in turn, until none is left (P5). */
async function* copyPages(ask: Ask, mirrors: Map<string, Mirror>, opener: Opener): AsyncGenerator<string> {
  for (;;) {
    const copies = ask.progress.filter(({ pages }) => pages !== null);
    if (copies.length === 0) return;
    for (const own of copies) {
      const questions = new Questions();
      const place = questions.ask(pageOf(own, pageSize(ask)));
      const scopes = new Map([[own, scopesAfter(own, questions)]]);
      const answers = await questions.read(ask.store, ask.space);
      // What went into a scope that this page does not know of would seem to be in its place: the page is read again.
      if (extendPatterns(ask, scopes, answers, mirrors)) continue;
      yield takeCopyPage(ask, own, answers.of(place), answers.head, opener);
    }
  }
}

/** Scopes that were added to a pattern, or dropped, from their beginning: page by page, before the delta (P14). */
async function* catchUpPages(ask: Ask, mirrors: Map<string, Mirror>, opener: Opener): AsyncGenerator<string> {
  for (const own of ask.progress) {
    const { records } = pageSize(ask);
    for (let query = catchUpOf(own, records); query !== null; query = catchUpOf(own, records)) {
      const questions = new Questions();
      const place = questions.ask(query);
      const scopes = new Map([[own, scopesAfter(own, questions)]]);
      const answers = await questions.read(ask.store, ask.space);
      const scan = answers.of(place);
      ask.rows(scan.changes.length);
      if (extendPatterns(ask, scopes, answers, mirrors)) continue;
      yield opener.line(own);
      yield* (ask.lines ?? deltaLines)(own, scan, answers.head.revision);
      const caught = scan.more ? (scan.changes.at(-1)?.member.revision ?? own.at.revision) : own.at.revision;
      own.pattern = own.pattern && { ...own.pattern, caught };
      own.page = headPoint(answers.head);
      yield mark(ask.space, own);
    }
  }
}

function pageOf({ subscription, pages, pattern }: Progress, { records, bytes }: PageSize): PageQuery {
  const { collections } = subscription.coverage;
  const scope = pattern === null ? subscription.coverage.scope : [...pattern.pattern.readable];
  const after = pages?.after ?? null;
  return { kind: "page", scope, collections, after, limit: records, bytes: Math.min(bytes, PAGE_BYTES) };
}

function takeCopyPage(ask: Ask, own: Progress, page: PageResult, head: Head, opener: Opener): string {
  ask.rows(page.runs.reduce((sum, { count }) => sum + count, 0));
  const text = opener.line(own) + recordsText(own, page, head.revision);
  own.page = headPoint(head);
  own.key = page.last ?? own.key ?? "";
  own.pages = page.more ? { after: page.last } : null;
  return page.more ? text + mark(ask.space, own) : text;
}

function recordsText({ subscription }: Progress, page: PageResult, at: number): string {
  const { matcher } = subscription;
  if (matcher === null) return pageText(page, at);
  let text = "";
  for (const { collection, records } of page.runs) {
    const matching = (JSON.parse(`[${records}]`) as RecordData[]).filter((data) => matcher.matches(data));
    if (matching.length > 0) text += putText(collection, at, matching.map(canonical).join(","));
  }
  return text;
}

/** A page of a delta, with its mark (P15). A scan divides no revision, so the mark is behind a whole one. */
function* deltaPage(ask: Ask, own: Progress, scan: ScanResult, head: Point, opener: Opener): Generator<string> {
  const opening = opener.line(own);
  if (opening !== "") yield opening;
  yield* (ask.lines ?? deltaLines)(own, scan, head.revision);
  own.reached = scan.changes.at(-1)?.member.revision ?? own.reached;
  own.page = head;
  yield mark(ask.space, own);
}

function mark(space: string, own: Progress): string {
  return lineText({ op: "mark", key: own.subscription.key, cursor: markCursor(space, own) });
}

/** Whether any subscription fell behind the tombstones while it was being answered; it is copied anew. */
function restartExpired(progress: readonly Progress[], head: Head): boolean {
  const expired = progress.filter(({ at }) => at.revision < head.horizon.tombstones);
  for (const own of expired) startOver(own, headPoint(head));
  return expired.length > 0;
}

async function* finish(
  ask: Ask,
  joint: Joint,
  answers: Answers,
  mirrors: ReadonlyMap<string, Mirror>,
  opener: Opener,
): AsyncGenerator<string> {
  const { revision } = answers.head;
  for (const [i, own] of ask.progress.entries()) {
    if (!opener.has(own)) yield opener.line(own);
    const scan = answers.of(joint.scans[i] as Place<ScanQuery>);
    for (const line of (ask.lines ?? deltaLines)(own, scan, revision)) yield opener.line(own) + line;
  }
  if (ask.addition) yield* ask.addition.lines(answers, mirrors);
  yield lineText(endLine(ask, joint, answers, mirrors));
}

function endLine(ask: Ask, joint: Joint, answers: Answers, mirrors: ReadonlyMap<string, Mirror>): EndLine {
  const head = headPoint(answers.head);
  const subscriptions: { [key: string]: SubscriptionEnd } = {};
  const notes = joint.erasures === null ? [] : answers.of(joint.erasures);
  const erasures = notes.map(([, text]) => parsedErasure(text));
  for (const own of ask.progress) {
    const { key } = own.subscription;
    const place = joint.fingerprints.get(key);
    const sum = place === undefined ? mirrors.get(key)?.fingerprint() : answers.of(place);
    const cursor = endCursor(ask.space, own, head);
    const erased = own.reason === null ? [] : erasuresFor(own, erasures);
    subscriptions[key] = {
      ...(cursor !== undefined && { cursor }),
      ...(sum !== undefined && { count: sum.count, digest: formatDigest(sum.lanes) }),
      ...(erased.length > 0 && { erased }),
    };
  }
  const last = joint.client === null ? {} : { lastMutation: answers.of(joint.client)?.last ?? 0 };
  return { op: "end", revision: head.revision, subscriptions, ...last };
}
