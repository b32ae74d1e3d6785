import { record } from "../records.ts";
import { get, post } from "../wire.ts";
import { CHANGED, collectionOf, recordOf, type Setting } from "./setting.ts";

/** Writes of a push that fills a space: in mutations of a thousand. */
const FILLED = 5_000;

export async function fill(base: string, setting: Setting): Promise<void> {
  const collection = collectionOf(setting);
  let id = 0;
  for (let at = 0; at < setting.records; at += FILLED) {
    const mutations = [];
    for (let from = at; from < Math.min(at + FILLED, setting.records); from += 1_000) {
      const writes = Array.from({ length: 1_000 }, (_, i) => ({
        op: "insert",
        collection,
        record: recordOf(setting, from + i),
      }));
      mutations.push({ id: ++id, base: 0, writes });
    }
    await post(`${base}/push`, { client: "filler", acked: id - mutations.length, mutations });
  }
}

/** Milliseconds of a push that changes two atoms of a thousand records, `together` in each mutation. */
export async function change(base: string, setting: Setting, version: number, together = 1): Promise<number> {
  const { revision, lastMutation = 0 } = await get<{ revision: number; lastMutation?: number }>(
    `${base}?client=changer`,
  );
  const collection = collectionOf(setting);
  // Spread over the space, so that it is not only its first pages that are touched.
  const step = Math.max(1, Math.floor(setting.records / CHANGED));
  const writes = Array.from({ length: CHANGED }, (_, i) => {
    const { id, title, updated } = record(i * step, version);
    return { op: "update", collection, record: { id, title, updated } };
  });
  const mutations = Array.from({ length: CHANGED / together }, (_, i) => ({
    id: lastMutation + i + 1,
    base: revision,
    writes: writes.slice(i * together, (i + 1) * together),
  }));
  const body = { client: "changer", acked: lastMutation, mutations };
  const start = performance.now();
  await post(`${base}/push`, body);
  return performance.now() - start;
}
