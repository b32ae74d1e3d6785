import { type Key, keyParts } from "../../../model/record.ts";
import type { Clock } from "../../../util/clock.ts";
import { after } from "../rows.ts";
import { type Content, type Row, StoreError } from "../store.ts";
import type { Answer, Ask, Desk, PackedRows, Page } from "./messages.ts";
import { Place } from "./place.ts";

/** A worker's own side, as far as it is used here. */
export interface Port {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: Answer): void;
}

/** Texts of a page of `contents`. */
const PAGE = 1_000;

/** Does what the page asks, in its order: SQLite is done with one message before the next is taken. */
export function serve(port: Port, clock: Clock): void {
  let place: Place | null = null;
  const opened = (): Place => {
    if (place === null) throw new StoreError("unavailable", "the store is not open");
    return place;
  };
  const desk: Desk = {
    async open(name, suspect) {
      place = await Place.open(name, suspect, clock);
      const { damage, isNew } = place;
      return { damage, isNew };
    },
    notes: (prefix, limit) => opened().database.notes(prefix, limit),
    get: (keys) => opened().database.get(keys),
    scan: (from, to, limit) => packed(opened().database.scan(from, to, limit)),
    staged: (subscription, skip, limit) => opened().database.staged(subscription, skip, limit),
    spans: (subscription) => opened().database.spans(subscription),
    isFree: (span) => opened().database.isFree(span),
    stagedRows: (adopt, keys) => opened().database.stagedRows(adopt, keys),
    contents: (from, to) => pageOf(opened().database.contents(from, to)),
    write: (batch) => opened().write(batch),
    close() {
      place?.close();
      place = null;
    },
  };
  port.onmessage = async ({ data }) => {
    const { id, op, args } = data as Ask;
    try {
      const value = await (desk[op] as (...args: unknown[]) => unknown)(...args);
      port.postMessage({ id, value });
    } catch (thrown) {
      const error = place === null ? thrown : await place.explained(thrown);
      const failure = error instanceof StoreError ? error.failure : null;
      port.postMessage({ id, error: { failure, message: error instanceof Error ? error.message : String(error) } });
    }
  };
}

/** So much of what there is that a page of it is not too much for one message. */
function pageOf(all: Iterable<Content>): Page {
  const contents: Content[] = [];
  let count = 0;
  for (const content of all) {
    contents.push(content);
    count += content.texts.length;
    if (count >= PAGE) return { contents, rest: after(content.last) };
  }
  return { contents, rest: null };
}

function packed(rows: readonly Row[]): PackedRows[] {
  const found: PackedRows[] = [];
  for (let i = 0; i < rows.length; ) {
    const { key, at, holders } = rows[i] as Row;
    const { collection } = keyParts(key);
    const records: Row["data"][] = [];
    // Rows of a block have one and the same list.
    for (; i < rows.length && isLike(rows[i] as Row, at, holders, key, collection); i++) {
      records.push((rows[i] as Row).data);
    }
    found.push({ collection, at, holders, records: JSON.stringify(records) });
  }
  return found;
}

function isLike(row: Row, at: number, holders: Row["holders"], key: Key, collection: string): boolean {
  return row.key === key || (row.holders === holders && row.at === at && row.key.startsWith(`${collection}/`));
}
