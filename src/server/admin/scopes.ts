import { formatDigest } from "../../model/fingerprint.ts";
import { ALL } from "../../model/names.ts";
import { compareUtf8 } from "../../util/utf8.ts";
import type { ScopesResponse } from "../../wire/admin.ts";
import { type Call, type Core, countRows } from "../core.ts";
import { json } from "../encode.ts";
import { Questions } from "../questions.ts";
import { numberIn, textIn } from "../requests/query.ts";

const LIMIT = 100;
const MOST = 1_000;

/** `GET …/scopes?prefix=P&after=S&limit=K` (Y2), for admin: the scopes there are, with their fingerprints. */
export async function listScopes(core: Core, { request, space, user, url }: Call): Promise<Response> {
  const limit = Math.max(1, numberIn(url.searchParams, "limit", { fallback: LIMIT, most: MOST }));
  const prefix = textIn(url.searchParams, "prefix") ?? "";
  const after = textIn(url.searchParams, "after") ?? "";
  const asked = new Questions();
  const names = asked.ask({ kind: "scopes", prefix, after: 0 });
  const known = (await asked.read(core.store, space)).of(names);
  countRows(core, user, known.length);
  const all = [...known].sort((a, b) => compareUtf8(a.scope, b.scope));
  // "*" sorts before every other name, so that a page after any of them is without it.
  if (prefix === "" || prefix === ALL) all.unshift({ scope: ALL, since: 0 });
  const rest = after === "" ? all : all.filter(({ scope }) => compareUtf8(scope, after) > 0);
  const page = rest.slice(0, limit);
  const questions = new Questions();
  const sums = page.map(({ scope }) => questions.ask({ kind: "fingerprint", scope }));
  const answers = await questions.read(core.store, space);
  const scopes = page.map(({ scope, since }, i) => {
    const { count, lanes } = answers.of(sums[i] as (typeof sums)[number]);
    return { scope, since, count, digest: formatDigest(lanes) };
  });
  const next = rest.length > page.length ? (page.at(-1)?.scope ?? null) : null;
  const response: ScopesResponse = { revision: answers.head.revision, total: all.length, scopes, next };
  return json(request, response);
}
