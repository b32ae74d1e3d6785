import { addFingerprints, digestOf, EMPTY, type Fingerprint, formatDigest, type Lanes } from "../model/fingerprint.ts";
import { compareKeys, type Key, type KeyRange, keyParts } from "../model/record.ts";
import { rangeText } from "./lines.ts";
import type { Mirror } from "./mirror.ts";
import { Questions, type Reader } from "./questions.ts";
import type { Verify } from "./requests/verify.ts";

type Entries = readonly (readonly [Key, Lanes])[];

/**
 * The parts of each range of a filtered subscription, as of the revision that the mirror has reached. The records of a
 * small part are read afterwards: where one of them has changed meanwhile, the part goes without its records, and the
 * replica, which is behind by then, asks again.
 */
export async function* mirrorLines(
  store: Reader,
  space: string,
  mirror: Mirror,
  { ranges, fanout, leaf }: Pick<Verify, "ranges" | "fanout" | "leaf">,
): AsyncGenerator<string> {
  const sorted = [...mirror.entries()].sort(([a], [b]) => compareKeys(a, b));
  for (const range of ranges) {
    for (const part of partsOf(within(sorted, range), range, fanout, leaf)) {
      const { count, lanes } = sumOf(part.entries);
      const records = count <= leaf ? await recordsOf(store, space, part.entries) : undefined;
      yield rangeText(part.from, part.to, count, formatDigest(lanes), records);
    }
  }
}

function within(sorted: Entries, { from, to }: KeyRange): Entries {
  const start = from === null ? 0 : lowerBound(sorted, from);
  return sorted.slice(start, to === null ? undefined : lowerBound(sorted, to));
}

function lowerBound(sorted: Entries, key: Key): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys((sorted[middle] as Entries[number])[0], key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Parts of like size without gap or overlap; one where the range is small enough to be sent whole. */
function partsOf(entries: Entries, { from, to }: KeyRange, fanout: number, leaf: number) {
  const parts: (KeyRange & { readonly entries: Entries })[] = [];
  const size = entries.length <= leaf ? Math.max(1, entries.length) : Math.ceil(entries.length / fanout);
  let start: Key | null = from;
  for (let i = 0; i < Math.max(1, entries.length); i += size) {
    const end = i + size >= entries.length ? to : (entries[i + size] as Entries[number])[0];
    parts.push({ from: start, to: end, entries: entries.slice(i, i + size) });
    start = end;
  }
  return parts;
}

function sumOf(entries: Entries): Fingerprint {
  return entries.reduce((sum, [, lanes]) => addFingerprints(sum, { count: 1, lanes }), EMPTY);
}

async function recordsOf(store: Reader, space: string, entries: Entries): Promise<[string, string][] | undefined> {
  const questions = new Questions();
  const places = entries.map(([key]) => questions.ask({ kind: "row", ...keyParts(key) }));
  const answers = await questions.read(store, space);
  const records: [string, string][] = [];
  for (const [i, [key, lanes]] of entries.entries()) {
    const { collection } = keyParts(key);
    const text = answers.of(places[i] as (typeof places)[number])?.text ?? null;
    if (text === null || formatDigest(digestOf(collection, text)) !== formatDigest(lanes)) return undefined;
    records.push([collection, text]);
  }
  return records;
}
