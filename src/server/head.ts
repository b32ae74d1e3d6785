import { type Coverage, formatCursor, pointOf } from "../model/cursor.ts";
import { formatDigest } from "../model/fingerprint.ts";
import { ALL, clientFlaw, idFlaw, prefixOf, scopeFlaw } from "../model/names.ts";
import { authorOf, type Revision } from "../model/record.ts";
import type { FingerprintQuery, Head } from "../store/store.ts";
import type { HeadResponse } from "../wire/head.ts";
import { Problem } from "../wire/problem.ts";
import { demand } from "./access.ts";
import { type Call, type Core, countRows } from "./core.ts";
import { json } from "./encode.ts";
import { judge, pointsOf } from "./progress.ts";
import { type Answers, type Place, Questions } from "./questions.ts";
import { subscriptionOf } from "./subscription.ts";

/** More changed records than this are not counted one by one. */
const COUNTED = 100_000;

/** `GET /v1/spaces/{space}` (H2): what revision should I have? */
export async function head(core: Core, call: Call): Promise<Response> {
  const { access } = core;
  const { space, user, request, url } = call;
  const ask = parameters(url.searchParams);
  for (const scope of ask.scopes) demand(access, user, { do: "read", space, scope });
  const questions = new Questions();
  const client = ask.client === null ? null : questions.ask({ kind: "client", author: authorOf(user.id, ask.client) });
  const then = ask.at === null ? null : questions.ask({ kind: "at", time: ask.at });
  const sums = ask.scopes.map((scope) => questions.ask({ kind: "fingerprint", scope }));
  // A link may come before the first push, as any replica may (H9).
  const answers = await questions.read(ask.link === null ? core.store : core.followed, space);
  const told: Told | null = then === null ? answers.head : answers.of(then);
  if (told === null)
    throw new Problem("not-found", "what the space was at that time has been cut: ask for a later one");
  const behind = ask.cursor === null ? null : await behindOf(core, call, ask.scopes[0] as string, ask.cursor);
  const path = ask.link === null ? null : await core.links.path(space);
  const signature =
    ask.link === null || path === null ? null : await core.grants.signedPath(user, space, ask.link, path);
  const response: HeadResponse = {
    ...stateOf(space, told, answers.head, { scope: ask.scopes.length === 1 ? (ask.scopes[0] as string) : ALL }),
    ...(ask.scopes.length > 0 && { scopes: fingerprints(ask.scopes, sums, answers) }),
    ...(client !== null && { lastMutation: answers.of(client)?.last ?? 0 }),
    ...(behind !== null && { behind }),
    ...(path !== null && { path }),
    ...(signature !== null && { signature }),
  };
  return json(request, response);
}

interface Told {
  readonly revision: Revision;
  readonly hash: string;
  readonly time: number;
}

function stateOf(space: string, { revision, hash, time }: Told, { horizon }: Head, coverage: Coverage) {
  return {
    space,
    revision,
    cursor: formatCursor(space, coverage, { at: pointOf(revision, hash) }),
    at: revision === 0 ? null : new Date(time).toISOString(),
    horizon: { journal: horizon.journal, tombstones: horizon.tombstones },
  };
}

function fingerprints(scopes: readonly string[], places: readonly Place<FingerprintQuery>[], answers: Answers) {
  return Object.fromEntries(
    scopes.map((scope, i) => {
      const { count, lanes } = answers.of(places[i] as Place<FingerprintQuery>);
      return [scope, { count, digest: formatDigest(lanes) }];
    }),
  );
}

/** How far a replica with this cursor is behind, and what it should do. */
async function behindOf(
  core: Core,
  { space, user }: Call,
  scope: string,
  cursor: string,
): Promise<NonNullable<HeadResponse["behind"]>> {
  const subscription = subscriptionOf(space, { scope, cursor });
  const points = pointsOf(subscription);
  const after = points[0]?.revision ?? 0;
  const questions = new Questions();
  const hashes = questions.ask({ kind: "hashes", revisions: points.map(({ revision }) => revision) });
  const changed = questions.ask({ kind: "behind", scope, after, limit: COUNTED });
  const whole = questions.ask({ kind: "fingerprint", scope });
  const answers = await questions.read(core.store, space);
  countRows(core, user, answers.of(changed));
  const judgement = judge(subscription, answers.head, answers.of(hashes));
  if ("reason" in judgement || judgement.cursor.copy !== undefined)
    return { records: answers.of(whole).count, advice: "copy" };
  const records = answers.of(changed);
  return { records, advice: records === 0 ? "current" : "delta" };
}

/** A date is one of UTC. A time without a zone would be of the server's. */
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

interface Parameters {
  readonly scopes: readonly string[];
  readonly client: string | null;
  readonly link: string | null;
  readonly cursor: string | null;
  readonly at: number | null;
}

function parameters(search: URLSearchParams): Parameters {
  const scopes = [...new Set(search.getAll("scope"))];
  for (const scope of scopes) {
    const pattern = prefixOf(scope) !== null && "a pattern is for pull, live and verify: name each scope here";
    refuse(pattern || scopeFlaw(scope), "scope");
  }
  const client = search.get("client");
  if (client !== null) refuse(clientFlaw(client), "client");
  const link = search.get("link");
  if (link !== null) refuse(idFlaw(link), "link");
  const cursor = search.get("cursor");
  if (cursor !== null && scopes.length !== 1) refuse("a cursor is of one scope: name it with scope=", "cursor");
  const text = search.get("at");
  const at = text === null ? null : TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) refuse("a date, or a time with its zone, such as 2026-11-22T20:00:00Z", "at");
  if (at !== null && scopes.length > 0)
    refuse("only the present state of a scope is known: leave out scope or at", "at");
  return { scopes, client, link, cursor, at };
}

function refuse(flaw: string | null, path: string): void {
  if (flaw !== null) throw new Problem("invalid", flaw, { path });
}
