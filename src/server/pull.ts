import type { Head } from "../model/batch.ts";
import { type Point, pointOf, readPoint } from "../model/cursor.ts";
import { authorOf } from "../model/record.ts";
import { sha256Hex } from "../util/sha256.ts";
import { Problem } from "../wire/problem.ts";
import type { PullRequest } from "../wire/pull.ts";
import { demand } from "./access.ts";
import { type Addition, type Ask, answerLines, hasNews } from "./answer.ts";
import { readJson } from "./body.ts";
import { type Asker, type Call, type Core, checkSchemaVersion, countRows } from "./core.ts";
import { streamed } from "./encode.ts";
import { lineText } from "./lines.ts";
import { logFault, problemOf } from "./problem.ts";
import { type Hashes, judge, onChain, pointsOf, progressOf, type Recovery } from "./progress.ts";
import { Questions } from "./questions.ts";
import { pullRequest } from "./requests/pull.ts";
import { type Subscription, subscriptionOf } from "./subscription.ts";

/** `POST …/pull` (H3): all subscriptions brought to one revision, as lines. */
export async function pull(core: Core, call: Call): Promise<Response> {
  const request = pullRequest(await readJson(call.request, core.settings.limits), core.settings.limits);
  checkSchemaVersion(core.settings, request.schema);
  const subscriptions = request.subscriptions.map((each) => subscriptionOf(call.space, each));
  const prepare = () => prepared(core, call, request, subscriptions);
  let ask = await prepare();
  if (request.wait !== undefined && request.wait > 0 && ask.revoked.length === 0) {
    const waiting = { space: call.space, seconds: request.wait, signal: call.request.signal };
    // Whoever waited is asked again what it may read.
    await core.waiting.waitForNews(waiting, async () => {
      ask = await prepare();
      return ask.revoked.length > 0 || (await hasNews(ask));
    });
  }
  return answered(core, call, ask);
}

type Request = Pick<PullRequest, "client" | "known">;

/** Judges cursors and permissions; throws what can be said before an answer begins. */
export async function prepared(
  core: Core,
  asker: Asker,
  { client, known }: Request,
  subscriptions: readonly Subscription[],
  addition?: Addition,
): Promise<Ask> {
  const { granted, revoked } = sorted(core, asker, subscriptions);
  // Where all are refused, so is the request (P10).
  if (granted.length === 0 && revoked.length > 0) throw refused();
  if (subscriptions.length === 0) demand(core.access, asker.user, { do: "head", space: asker.space });
  return askOf(core, asker, { client, known, granted, revoked, addition });
}

/** Throws `forbidden` alike for scopes that exist and that don't (P10). */
export function refused(): Problem {
  return new Problem("forbidden", "this principal may read none of these scopes: ask for a token that grants them");
}

interface Judged extends Request {
  readonly granted: readonly Subscription[];
  readonly revoked: readonly Pick<Subscription, "key">[];
  readonly addition?: Addition | undefined;
}

/** Judges the cursors of subscriptions that the caller may read. */
export async function askOf(core: Core, { space, user }: Asker, asked: Judged): Promise<Ask> {
  const { followed, settings } = core;
  const { client, known, granted, revoked, addition } = asked;
  const past = (known ?? []).flatMap((cursor) => readPoint(space, cursor) ?? []);
  const points = [...granted.flatMap((subscription) => pointsOf(subscription)), ...past];
  const { head, hashes } = await hashesOf(core, space, points);
  const start = pointOf(head.revision, head.hash);
  const progress = granted.map((subscription) => progressOf(subscription, judge(subscription, head, hashes), start));
  return {
    store: followed,
    space,
    head,
    author: client === undefined ? null : authorOf(user.id, client),
    principal: principalName(user.id),
    progress,
    revoked: revoked.map(({ key }) => key),
    recovery: known === undefined ? null : recoveryOf(points, head, hashes, settings.restore),
    addition,
    rows: (count) => countRows(core, user, count),
  };
}

export function answered(core: Core, call: Call, ask: Ask): Promise<Response> {
  return streamed(call.request, { type: "application/x-ndjson", text: guardedLines(core, call, ask) });
}

/** A fault in the middle of an answer is told as its last line, since the status has been sent. */
async function* guardedLines(core: Core, { space }: Call, ask: Ask): AsyncGenerator<string> {
  const ended = core.active.begin();
  try {
    yield* answerLines(ask);
  } catch (error) {
    logFault(core.log, error, { space });
    yield lineText({ op: "error", problem: { ...problemOf(error).body() } });
  } finally {
    ended();
  }
}

/** Which subscriptions the caller may read. */
export function sorted({ access }: Core, { user, space }: Asker, subscriptions: readonly Subscription[]) {
  const granted: Subscription[] = [];
  const revoked: Subscription[] = [];
  for (const subscription of subscriptions) {
    const may = access.authorize(user, { do: "read", space, scope: subscription.coverage.scope });
    (may ? granted : revoked).push(subscription);
  }
  return { granted, revoked };
}

async function hashesOf(
  { followed }: Core,
  space: string,
  points: readonly Point[],
): Promise<{ head: Head; hashes: Hashes }> {
  const questions = new Questions();
  const place = questions.ask({ kind: "hashes", revisions: [...new Set(points.map(({ revision }) => revision))] });
  const answers = await questions.read(followed, space);
  return { head: answers.head, hashes: answers.of(place) };
}

/** What this history and the replica's have in common, and what to do with the rest (R2). */
function recoveryOf(points: readonly Point[], head: Head, hashes: Hashes, fallback: "heal" | "discard"): Recovery {
  const shared = points.filter((point) => hashes.has(point.revision) && onChain(point, head, hashes));
  return { common: Math.max(0, ...shared.map(({ revision }) => revision)), restore: head.restore ?? fallback };
}

/** The principal as a replica may keep it: the same each time, and nothing to be read from it (C9). */
export function principalName(user: string): string {
  return sha256Hex(`tidemark principal ${user}`).slice(0, 16);
}
