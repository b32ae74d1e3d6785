import type { Head } from "../model/batch.ts";
import { type Point, pointOf, readPoint } from "../model/cursor.ts";
import { authorOf } from "../model/record.ts";
import type { User } from "../model/schema.ts";
import type { ScopesQuery } from "../store/store.ts";
import { sha256Hex } from "../util/sha256.ts";
import { Problem } from "../wire/problem.ts";
import type { PullRequest } from "../wire/pull.ts";
import { type Access, demand, demandStanding } from "./access.ts";
import { type Addition, type Ask, answerLines, hasNews } from "./answer.ts";
import { authoredLines, tellsAuthors } from "./authors.ts";
import { readJson } from "./body.ts";
import { type Asker, type Call, type Core, checkSchemaVersion, countRows } from "./core.ts";
import { streamed } from "./encode.ts";
import { lineText } from "./lines.ts";
import { type Pattern, patternOf } from "./pattern.ts";
import { logFault, problemOf } from "./problem.ts";
import { type Hashes, judge, onChain, type Progress, pointsOf, progressOf, type Recovery } from "./progress.ts";
import { type Place, Questions } from "./questions.ts";
import { pullRequest } from "./requests/pull.ts";
import { type Subscription, subscriptionOf } from "./subscription.ts";
import { addTotals, askTotal, isCopied, totalIn } from "./totals.ts";

/** `POST …/pull` (H3): all subscriptions brought to one revision, as lines. */
export async function pull(core: Core, call: Call): Promise<Response> {
  const request = pullRequest(await readJson(call.request, core.settings.limits), core.settings.limits);
  checkSchemaVersion(core.settings, request.schema);
  const subscriptions = request.subscriptions.map((each) => subscriptionOf(call.space, each));
  const authors = tellsAuthors(core, call, request);
  const prepare = () => prepared(core, call, request, subscriptions);
  let ask = await prepare();
  if (request.wait !== undefined && request.wait > 0 && ask.revoked.length === 0) {
    const waiting = { space: call.space, seconds: request.wait, signal: call.request.signal };
    // Whoever waited is asked again what it may read.
    await core.waiting.waitForNews(waiting, async () => {
      demandStanding(core.access, call.user);
      ask = await prepare();
      return ask.revoked.length > 0 || (await hasNews(ask));
    });
  }
  const { user, space } = call;
  const taken = ask;
  const shared = (own: Progress) => core.pages.of({ user, space }, taken, own);
  const given = request.pages === true && !authors ? { ...ask, shared } : ask;
  const lines = authors ? authoredLines(ask) : answerLines(given);
  const followed = taken.progress.map(({ subscription }) => subscription);
  const ended = () => core.replicas.pulled(space, user, request.client, followed, taken.head.revision);
  return answered(core, call, given, untilEnd(lines, ended));
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
export async function askOf(core: Core, asker: Asker, asked: Judged): Promise<Ask> {
  const { followed, access, settings } = core;
  const { space, user } = asker;
  const { client, known, granted, revoked, addition } = asked;
  const past = (known ?? []).flatMap((cursor) => readPoint(space, cursor) ?? []);
  const points = [...granted.flatMap((subscription) => pointsOf(subscription)), ...past];
  const may = (scope: string) => access.authorize(user, { do: "read", space, scope });
  const { head, hashes, patterns, totals } = await stateOf(core, asker, points, granted);
  const start = pointOf(head.revision, head.hash);
  const progress = granted.map((subscription, i) => ({
    ...progressOf(subscription, judge(subscription, head, hashes), start, patterns[i]),
    total: totals[i] ?? null,
  }));
  await addTotals(followed, space, progress);
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
    may,
    rows: (count) => countRows(core, user, count),
  };
}

/** Calls `ended` when all lines have been taken. */
async function* untilEnd(lines: AsyncIterable<string>, ended: () => void): AsyncGenerator<string> {
  yield* lines;
  ended();
}

export function answered(core: Core, call: Call, ask: Ask, lines = answerLines(ask)): Promise<Response> {
  return streamed(call.request, { type: "application/x-ndjson", text: guardedLines(core, call, lines) });
}

/** A fault in the middle of an answer is told as its last line, since the status has been sent. */
async function* guardedLines(core: Core, { space }: Call, lines: AsyncIterable<string>): AsyncGenerator<string> {
  const ended = core.active.begin();
  try {
    yield* lines;
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
    (mayFollow(access, user, space, subscription) ? granted : revoked).push(subscription);
  }
  return { granted, revoked };
}

/** A pattern is not refused where nothing of it may be read, so that it tells of no scope that there is one (P10). */
export function mayFollow(access: Access, user: User, space: string, { prefix, coverage }: Subscription): boolean {
  const { scope } = coverage;
  return access.authorize(user, prefix === null ? { do: "read", space, scope } : { do: "head", space });
}

/** The head, what is needed to judge cursors, the scopes of each pattern and the size of each copy, all of one revision. */
async function stateOf(
  core: Core,
  { space, user }: Asker,
  points: readonly Point[],
  granted: readonly Subscription[],
): Promise<{ head: Head; hashes: Hashes; patterns: readonly (Pattern | null)[]; totals: readonly (number | null)[] }> {
  const { followed, access, settings } = core;
  const questions = new Questions();
  const place = questions.ask({ kind: "hashes", revisions: [...new Set(points.map(({ revision }) => revision))] });
  const named = granted.map(({ prefix }) =>
    prefix === null ? null : questions.ask({ kind: "scopes", prefix, after: 0 }),
  );
  const counted = granted.map((each) => (isCopied(each) ? askTotal(each, questions) : null));
  const answers = await questions.read(followed, space);
  const may = (scope: string) => access.authorize(user, { do: "read", space, scope });
  const patterns = granted.map(({ key, prefix }, i) => {
    if (prefix === null) return null;
    const all = answers.of(named[i] as Place<ScopesQuery>);
    countRows(core, user, all.length);
    const pattern = patternOf(prefix, all, answers.head.revision, may);
    if (pattern.readable.size <= settings.limits.matched) return pattern;
    throw new Problem(
      "too-large",
      `a pattern stands for at most ${settings.limits.matched} scopes: make ${key} longer`,
    );
  });
  const totals = counted.map((each) => totalIn(answers, each));
  return { head: answers.head, hashes: answers.of(place), patterns, totals };
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
