import { authorParts, type Revision } from "../model/record.ts";
import type { JournalEntry } from "../store/store.ts";
import type { WireAuthor, WireEntry } from "../wire/journal.ts";
import { type Call, type Core, countRows } from "./core.ts";
import { streamed } from "./encode.ts";
import { Questions } from "./questions.ts";
import { numberIn, textIn } from "./requests/query.ts";

/** Entries of one read: an answer of many is made slice by slice, as the caller takes it. */
const SLICE = 50;
const LIMIT = 100;

/** `GET …/journal?since=N&limit=K` (H7): the raw entries, for admin. */
export async function journal(core: Core, call: Call): Promise<Response> {
  const { url, request } = call;
  const since = numberIn(url.searchParams, "since", { fallback: 0, most: Number.MAX_SAFE_INTEGER });
  const { entries } = core.settings.limits;
  const limit = numberIn(url.searchParams, "limit", { fallback: Math.min(LIMIT, entries), most: entries });
  const changes = numberIn(url.searchParams, "changes", {
    fallback: Number.MAX_SAFE_INTEGER,
    most: Number.MAX_SAFE_INTEGER,
  });
  const match = textIn(url.searchParams, "match")?.toLowerCase() ?? null;
  const first = await readEntries(core, call, since, Math.min(SLICE, limit));
  const told = { limit, changes, match };
  return streamed(request, { type: "application/json", text: text(core, call, first, told) });
}

async function readEntries(core: Core, { space, user }: Call, after: Revision, limit: number) {
  const questions = new Questions();
  const place = questions.ask({ kind: "journal", after, limit });
  const entries = (await questions.read(core.store, space)).of(place);
  countRows(core, user, entries.length);
  return entries;
}

interface Told {
  /** Entries that are looked at, and changes of each that are told. */
  readonly limit: number;
  readonly changes: number;
  /** Only those that hold this text, in lower case; null: all. */
  readonly match: string | null;
}

async function* text(
  core: Core,
  call: Call,
  first: readonly JournalEntry[],
  { limit, changes, match }: Told,
): AsyncGenerator<string> {
  yield '{"entries":[';
  let slice = first;
  let count = 0;
  let told = 0;
  while (slice.length > 0) {
    const texts = slice
      .map(wireEntry)
      .filter((entry) => match === null || holds(entry, match))
      .map((entry) => JSON.stringify(shortened(entry, changes)));
    if (texts.length > 0) yield (told > 0 ? "," : "") + texts.join(",");
    told += texts.length;
    count += slice.length;
    const last = slice.at(-1) as JournalEntry;
    slice = count >= limit ? [] : await readEntries(core, call, last.revision, Math.min(SLICE, limit - count));
  }
  yield "]}\n";
}

/** Salts and hashes are looked at by nobody who searches. */
function holds({ revision, author, changes = [] }: WireEntry, match: string): boolean {
  if (String(revision) === match) return true;
  if (author !== undefined && `${author.user}\n${author.client}`.toLowerCase().includes(match)) return true;
  return changes.some(({ collection, id, before, after }) =>
    JSON.stringify([collection, id, before, after]).toLowerCase().includes(match),
  );
}

function shortened(entry: WireEntry, most: number): WireEntry {
  const { changes } = entry;
  if (changes === undefined || changes.length <= most) return entry;
  return { ...entry, changes: changes.slice(0, most), changed: changes.length };
}

export function wireEntry(entry: JournalEntry): WireEntry {
  const { revision, hash } = entry;
  const at = new Date(entry.time).toISOString();
  if (entry.cut) return { revision, at, hash, cut: true };
  const changes = entry.changes.map(
    ({ change: { collection, id, before, after, operators, origin }, salt, erased }) => {
      const named = { ...(operators !== undefined && { operators }), ...(origin !== undefined && { origin }) };
      return { collection, id, before, after, ...named, salt, ...(erased !== undefined && { erased }) };
    },
  );
  return { revision, at, author: wireAuthor(entry), changes, hash };
}

export function wireAuthor({ author, mutation }: { readonly author: string; readonly mutation: number }): WireAuthor {
  return { ...authorParts(author), mutation };
}
