import { type Author, authorOf, authorParts } from "../model/record.ts";
import type { NoteRange } from "../store/store.ts";
import { sha256Hex } from "../util/sha256.ts";
import { utf8Length } from "../util/utf8.ts";
import type { SourceKey } from "./source.ts";

/** All that a space knows of what comes in lies in its notes, under `ingest/SOURCE.STREAM/`, and commits with the records. */
export const INGEST = "ingest/";
const AUTHOR = "ingest:";
/** Bytes of a name before it is kept as a digest: an index of PostgreSQL takes no long ones. */
const LONGEST = 500;

/** What a source or a stream may be called. */
export const NAME = /^[A-Za-z0-9_-]{1,64}$/;

export function taskName(source: string, stream: string): string {
  return `${source}.${stream}`;
}

export function rootOf(task: string): string {
  return `${INGEST}${task}/`;
}

/** The author of what a stream brings: no principal, so that nobody can write in its name. */
export function ingestAuthor(source: string, stream: string): Author {
  return authorOf("", `${AUTHOR}${source}/${stream}`);
}

/** Source and stream of such an author; null for anybody else. */
export function streamOfAuthor(author: Author): { readonly source: string; readonly stream: string } | null {
  const { user, client } = authorParts(author);
  if (user !== "" || !client.startsWith(AUTHOR)) return null;
  const [source = "", stream = ""] = client.slice(AUTHOR.length).split("/");
  return { source, stream };
}

/** The name under which a source record is kept in its stream. */
export function nameOfKey(key: SourceKey): string {
  const [only] = key;
  const text = key.length === 1 && only !== undefined ? only : JSON.stringify(key);
  const plain = !text.includes("\0") && text.isWellFormed() && utf8Length(text) <= LONGEST && !text.startsWith("#");
  return plain ? text : `#${sha256Hex(text)}`;
}

/** All names that begin so. The prefix ends with a character that has a next one of one byte. */
export function under(prefix: string): NoteRange {
  const last = prefix.length - 1;
  return { from: prefix, to: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1) };
}

/** Padded, so that names sort as numbers do. */
export function padded(number: number): string {
  return String(number).padStart(12, "0");
}
