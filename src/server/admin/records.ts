import { ALL, nameFlaw, scopeFlaw } from "../../model/names.ts";
import { type Key, keyOf, type RecordData, type Revision } from "../../model/record.ts";
import type { RecordsResponse } from "../../wire/admin.ts";
import { Problem } from "../../wire/problem.ts";
import { type Call, type Core, countRows } from "../core.ts";
import { json } from "../encode.ts";
import { Questions } from "../questions.ts";
import { numberIn, textIn } from "../requests/query.ts";

const LIMIT = 100;
const MOST = 1_000;
const BYTES = 1_048_576;
/** Records that one request looks at for those that match: whoever wants more asks again. */
const LOOKED = 20_000;
const SLICE = 1_000;

interface Asked {
  readonly scope: string;
  readonly collections: readonly string[] | undefined;
  readonly after: Key | null;
  readonly limit: number;
  readonly match: string | null;
  /** The record of this id comes first, where there is one, and then those behind it. */
  readonly from: { readonly collection: string; readonly id: string } | null;
}

interface Found {
  readonly revision: Revision;
  readonly runs: readonly { readonly collection: string; readonly records: readonly RecordData[] }[];
  readonly last: Key | null;
  readonly count: number;
  readonly more: boolean;
}

/** `GET …/records?collection=C&scope=S&after=KEY&limit=K&match=TEXT` (Y3), for admin: a page in key order. */
export async function listRecords(core: Core, call: Call): Promise<Response> {
  const asked = askedIn(call.url.searchParams);
  const answer = asked.match === null ? await plain(core, call, asked) : await matching(core, call, asked, asked.match);
  return json(call.request, answer);
}

async function plain(core: Core, call: Call, { limit, from, ...asked }: Asked): Promise<RecordsResponse> {
  const { revision, runs, count, last, more } = await pageOf(core, call, asked, limit);
  const first = from === null ? null : await recordAt(core, call, asked.scope, from);
  const all = first === null ? runs : [{ collection: first.collection, records: [first.record] }, ...runs];
  return { revision, runs: all, looked: count, next: more ? last : null };
}

async function recordAt(
  core: Core,
  { space }: Call,
  scope: string,
  { collection, id }: { readonly collection: string; readonly id: string },
) {
  const questions = new Questions();
  const place = questions.ask({ kind: "row", collection, id });
  const row = (await questions.read(core.store, space)).of(place);
  if (row === null || row.text === null || row.scopes.get(scope)?.present !== true) return null;
  return { collection, record: JSON.parse(row.text) as RecordData };
}

/** Looks through a bounded number of records, so that no search holds up the server. */
async function matching(core: Core, call: Call, asked: Asked, match: string): Promise<RecordsResponse> {
  const runs: RecordsResponse["runs"][number][] = [];
  let { after } = asked;
  let looked = 0;
  let found = 0;
  for (;;) {
    const page = await pageOf(core, call, { ...asked, after }, SLICE);
    looked += page.count;
    for (const { collection, records } of page.runs) {
      const hits = records.filter((record) => JSON.stringify(record).toLowerCase().includes(match));
      if (hits.length > 0) runs.push({ collection, records: hits });
      found += hits.length;
    }
    after = page.last;
    if (!page.more) return { revision: page.revision, runs, looked, next: null };
    if (found >= asked.limit || looked >= LOOKED) return { revision: page.revision, runs, looked, next: after };
    await core.clock.sleep(0);
  }
}

async function pageOf(
  core: Core,
  { space, user }: Call,
  { scope, collections, after }: Pick<Asked, "scope" | "collections" | "after">,
  limit: number,
): Promise<Found> {
  const questions = new Questions();
  const place = questions.ask({ kind: "page", scope, collections, after, limit, bytes: BYTES });
  const answers = await questions.read(core.store, space);
  const { runs, last, more } = answers.of(place);
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  countRows(core, user, count);
  const parsed = runs.map(({ collection, records }) => {
    return { collection, records: JSON.parse(`[${records}]`) as RecordData[] };
  });
  return { revision: answers.head.revision, runs: parsed, last, count, more };
}

function askedIn(search: URLSearchParams): Asked {
  const collection = textIn(search, "collection");
  if (collection !== null) refuse(nameFlaw(collection), "collection");
  const scope = textIn(search, "scope") ?? ALL;
  refuse(scopeFlaw(scope), "scope");
  const match = textIn(search, "match");
  const from = textIn(search, "from");
  if (from !== null && (collection === null || match !== null))
    refuse("an id to begin at is of a collection, and of no search: name the collection", "from");
  return {
    scope,
    collections: collection === null ? undefined : [collection],
    after: textIn(search, "after") ?? (from === null ? null : keyOf(collection as string, from)),
    limit: Math.max(1, numberIn(search, "limit", { fallback: LIMIT, most: MOST })),
    match: match === null ? null : match.toLowerCase(),
    from: from === null ? null : { collection: collection as string, id: from },
  };
}

function refuse(flaw: string | null, path: string): void {
  if (flaw !== null) throw new Problem("invalid", flaw, { path });
}
