import { type Point, pointOf } from "../model/cursor.ts";
import { formatDigest } from "../model/fingerprint.ts";
import type { Author, RecordData } from "../model/record.ts";
import type {
  ClientQuery,
  FingerprintQuery,
  Head,
  PageQuery,
  PageResult,
  ScanQuery,
  ScanResult,
} from "../store/store.ts";
import { canonical } from "../util/json.ts";
import type { EndLine, SubscriptionEnd } from "../wire/lines.ts";
import { deltaLines, hasSteps, lineText, pageText, putText } from "./lines.ts";
import { Mirror, PAGE_BYTES, PAGE_RECORDS } from "./mirror.ts";
import {
  endCursor,
  markCursor,
  type Progress,
  type Recovery,
  SCANNED_BYTES,
  scanOf,
  startOver,
  subscriptionLine,
} from "./progress.ts";
import { type Answers, type Place, Questions, type Reader } from "./questions.ts";

/** What a pull or a verify is to bring together. */
export interface Ask {
  readonly store: Reader;
  readonly space: string;
  readonly author: Author | null;
  /** Of the space, when the request came. */
  readonly head: Head;
  readonly principal: string;
  readonly progress: readonly Progress[];
  /** Keys of subscriptions that the principal may not read. */
  readonly revoked: readonly string[];
  readonly recovery: Recovery | null;
  /** What is told as of the same revision, before `end`. */
  readonly addition?: Addition | undefined;
  /** Told of rows that were read for the answer. */
  rows(count: number): void;
  /** By default a page has a thousand records, and grows until an answer ends. */
  readonly page?: PageSize | undefined;
  /** `deltaLines`, or what remembers them. */
  lines?(...asked: Parameters<typeof deltaLines>): Iterable<string>;
}

/** How much of a subscription is held in memory at a time. */
export interface PageSize {
  readonly records: number;
  readonly bytes: number;
  /** How often its own size a page may grow to under load. */
  readonly growth: number;
}

/** Lines that belong to the revision at which an answer ends. */
export interface Addition {
  ask(questions: Questions): void;
  lines(answers: Answers, mirrors: ReadonlyMap<string, Mirror>): AsyncIterable<string>;
}

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
  for (let attempt = 1; ; attempt++) {
    yield* copyPages(ask, opener);
    await mirrorPages(ask, mirrors);
    const joint = jointQuestions(ask, mirrors, size);
    const answers = await joint.questions.read(ask.store, space);
    const head = headPoint(answers.head);
    ask.rows(joint.scans.reduce((sum, place) => sum + answers.of(place).changes.length, 0));
    let complete = !restartExpired(progress, answers.head);
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
  if (progress.some(({ reason, reached, at }) => reason !== null || reached > at.revision)) return true;
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

/** One page of each copy in turn, until none is left (P5). */
async function* copyPages(ask: Ask, opener: Opener): AsyncGenerator<string> {
  for (;;) {
    const copies = ask.progress.filter(({ pages }) => pages !== null);
    if (copies.length === 0) return;
    for (const own of copies) {
      const questions = new Questions();
      const place = questions.ask(pageOf(own, pageSize(ask)));
      const answers = await questions.read(ask.store, ask.space);
      yield takeCopyPage(ask, own, answers.of(place), answers.head, opener);
    }
  }
}

const PAGE: PageSize = { records: PAGE_RECORDS, bytes: PAGE_RECORDS * SCANNED_BYTES, growth: Number.POSITIVE_INFINITY };

function pageSize({ page }: Ask): PageSize {
  return page ?? PAGE;
}

function pageOf({ subscription, pages }: Progress, { records, bytes }: PageSize): PageQuery {
  const { scope, collections } = subscription.coverage;
  const after = pages?.after ?? null;
  return { kind: "page", scope, collections, after, limit: records, bytes: Math.min(bytes, PAGE_BYTES) };
}

function takeCopyPage(ask: Ask, own: Progress, page: PageResult, head: Head, opener: Opener): string {
  ask.rows(page.runs.reduce((sum, { count }) => sum + count, 0));
  const text = opener.line(own) + recordsText(own, page, head.revision);
  own.page = headPoint(head);
  own.key = page.last ?? own.key ?? "";
  own.pages = page.more ? { after: page.last } : null;
  return page.more ? text + mark(ask, own) : text;
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
  yield mark(ask, own);
}

function mark({ space }: Ask, own: Progress): string {
  return lineText({ op: "mark", key: own.subscription.key, cursor: markCursor(space, own) });
}

/** Whether any subscription fell behind the tombstones while it was being answered; it is copied anew. */
function restartExpired(progress: readonly Progress[], head: Head): boolean {
  const expired = progress.filter(({ at }) => at.revision < head.horizon.tombstones);
  for (const own of expired) startOver(own, headPoint(head));
  return expired.length > 0;
}

/** Filtered subscriptions whose fingerprint was asked for, by their keys. */
function mirrorsOf(progress: readonly Progress[]): Map<string, Mirror> {
  const filtered = progress.filter(({ subscription }) => subscription.matcher !== null && subscription.fingerprint);
  return new Map(filtered.map(({ subscription }) => [subscription.key, new Mirror(subscription)]));
}

async function mirrorPages(ask: Ask, mirrors: ReadonlyMap<string, Mirror>): Promise<void> {
  for (const mirror of mirrors.values()) {
    for (let query = mirror.page(); query !== null; query = mirror.page()) {
      const questions = new Questions();
      const place = questions.ask(query);
      const answers = await questions.read(ask.store, ask.space);
      ask.rows(answers.of(place).runs.reduce((sum, { count }) => sum + count, 0));
      mirror.takePage(answers.of(place), answers.head.revision);
    }
  }
}

/** Everything that is read at the revision at which an answer ends. */
interface Joint {
  readonly questions: Questions;
  readonly scans: readonly Place<ScanQuery>[];
  readonly fingerprints: ReadonlyMap<string, Place<FingerprintQuery>>;
  readonly mirrored: ReadonlyMap<string, Place<ScanQuery>>;
  readonly client: Place<ClientQuery> | null;
}

function jointQuestions(ask: Ask, mirrors: ReadonlyMap<string, Mirror>, size: number): Joint {
  const limit = pageSize(ask).records * size;
  const bytes = pageSize(ask).bytes * size;
  const questions = new Questions();
  const scans = ask.progress.map((own) => questions.ask(scanOf(own, limit, bytes)));
  const fingerprints = new Map<string, Place<FingerprintQuery>>();
  for (const { subscription } of ask.progress) {
    const { scope, collections } = subscription.coverage;
    if (!subscription.fingerprint || subscription.matcher !== null) continue;
    fingerprints.set(subscription.key, questions.ask({ kind: "fingerprint", scope, collections }));
  }
  const mirrored = new Map<string, Place<ScanQuery>>();
  for (const [key, mirror] of mirrors) mirrored.set(key, questions.ask(mirror.scan(limit)));
  const client = ask.author === null ? null : questions.ask({ kind: "client", author: ask.author });
  ask.addition?.ask(questions);
  return { questions, scans, fingerprints, mirrored, client };
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
  for (const own of ask.progress) {
    const { key } = own.subscription;
    const place = joint.fingerprints.get(key);
    const sum = place === undefined ? mirrors.get(key)?.fingerprint() : answers.of(place);
    const cursor = endCursor(ask.space, own, head);
    subscriptions[key] = {
      ...(cursor !== undefined && { cursor }),
      ...(sum !== undefined && { count: sum.count, digest: formatDigest(sum.lanes) }),
    };
  }
  const last = joint.client === null ? {} : { lastMutation: answers.of(joint.client)?.last ?? 0 };
  return { op: "end", revision: head.revision, subscriptions, ...last };
}
