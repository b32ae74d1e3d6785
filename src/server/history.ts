import { versionsOf } from "../model/history.ts";
import { idFlaw, nameFlaw } from "../model/names.ts";
import type { HistoryResponse } from "../wire/journal.ts";
import { Problem } from "../wire/problem.ts";
import { type Call, type Core, countRows } from "./core.ts";
import { json } from "./encode.ts";
import { wireAuthor } from "./journal.ts";
import { Questions } from "./questions.ts";
import { numberIn } from "./requests/query.ts";

const LIMIT = 100;

/** `GET …/history/{collection}/{id}?limit=K` (K3): what happened to one record, the newest first, for admin. */
export async function history(core: Core, call: Call): Promise<Response> {
  const { store, settings } = core;
  const collection = call.param("collection");
  const id = call.param("id");
  const flaw = nameFlaw(collection) ?? idFlaw(id);
  if (flaw !== null) throw new Problem("invalid", flaw, { path: nameFlaw(collection) === null ? "id" : "collection" });
  const { entries } = settings.limits;
  const limit = numberIn(call.url.searchParams, "limit", { fallback: Math.min(LIMIT, entries), most: entries });
  const questions = new Questions();
  const row = questions.ask({ kind: "row", collection, id });
  const items = questions.ask({ kind: "history", collection, id, limit });
  const answers = await questions.read(store, call.space);
  const current = answers.of(row);
  if (current === null && answers.of(items).length === 0)
    throw new Problem("not-found", "there is no such record, and was none");
  countRows(core, call.user, answers.of(items).length);
  const versions = versionsOf(current?.text ?? null, answers.of(items)).map((version) => {
    const { revision, time, before, after, record, origin, erased } = version;
    const at = new Date(time).toISOString();
    const more = { ...(origin && { origin }), ...(erased && { erased }) };
    return { revision, at, author: wireAuthor(version), before, after, record, ...more };
  });
  const response: HistoryResponse = { collection, id, versions };
  return json(call.request, response);
}
