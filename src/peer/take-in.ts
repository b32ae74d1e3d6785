import { rowsOf, withoutHolder } from "../client/replica.ts";
import { after } from "../client/store/rows.ts";
import type { Adopted, ClientStore, Row } from "../client/store/store.ts";
import type { Key } from "../model/record.ts";
import type { PutLine } from "../wire/lines.ts";
import { type Page, rowsOfPage, type Staging } from "./staging.ts";

/** Records that are taken in at a time, as nobody else comes to his turn meanwhile (S27). */
const SLICE = 1_000;

export type Change = readonly [Key, Row | null];
export type Rows = ReadonlyMap<Key, Row | null>;

interface Parts {
  readonly mirror: ClientStore;
  readonly staging: Staging;
  /** One transaction, with notes of the staging. Others come to their turn behind it. */
  slice(changes: readonly Change[], notes?: ReadonlyMap<string, string | null>): Promise<void>;
}

/**
 * Takes in the pages that a batch adopts, in key order, each in transactions of its own, so that no copy is ever in memory.
 * What else the mirror holds goes, but for the keys of `rows`, which are written afterwards.
 */
export async function takeIn(parts: Parts, adopt: readonly Adopted[], rows: Rows): Promise<void> {
  let next: Key | null = null;
  for (const page of parts.staging.pages(adopt)) {
    if (page.taken) await drop(parts, next, page.span.first, (key) => rows.has(key));
    else await takePage(parts, page, next, rows);
    next = after(page.span.last);
  }
  await drop(parts, next, null, (key) => rows.has(key));
}

async function takePage(parts: Parts, page: Page, from: Key | null, rows: Rows): Promise<void> {
  const { subscription, position, span } = page;
  const { staging, slice } = parts;
  const line = await staging.line(subscription, position);
  const arriving = new Map(rowsOfPage(line as PutLine, subscription).map((row) => [row.key, row] as const));
  await drop(parts, from, after(span.last), (key) => arriving.has(key) || rows.has(key));
  const all = [...arriving];
  while (all.length > SLICE) await slice(all.splice(0, SLICE));
  await slice(all, staging.taking(page));
  staging.took(page);
}

/** What the mirror holds in a range goes, but for some. */
async function drop({ mirror, slice }: Parts, from: Key | null, to: Key | null, stays: (key: Key) => boolean) {
  for await (const found of rowsOf(mirror, from, to)) {
    const gone = found.flatMap(({ key }): Change[] => (stays(key) ? [] : [[key, null]]));
    if (gone.length > 0) await slice(gone);
  }
}

/**
 * What a copy that was broken off while it was taken in has left of these subscriptions, as changes beside those of `rows`,
 * which hold all that the copy brought that is now complete.
 */
export async function leftOver(
  mirror: ClientStore,
  filled: readonly number[],
  rows: Rows,
): Promise<Map<Key, Row | null>> {
  const changes = new Map<Key, Row | null>();
  for await (const found of rowsOf(mirror, null, null)) {
    for (const row of found) {
      if (rows.has(row.key) || !row.holders.some((number) => filled.includes(number))) continue;
      changes.set(
        row.key,
        filled.reduce<Row | null>((rest, number) => rest && withoutHolder(rest, number), row),
      );
    }
  }
  return changes;
}
