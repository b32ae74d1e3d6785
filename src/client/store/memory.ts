import type { Json } from "../../util/json.ts";
import { compareUtf8 } from "../../util/utf8.ts";
import type { PutLine } from "../../wire/lines.ts";
import { spanOf } from "./block.ts";
import { type MemoryBlock, MemoryRows } from "./memory-rows.ts";
import type { Adopted, Batch, ClientStore, Span, StagedLine } from "./store.ts";

interface Kept extends StagedLine {
  readonly span: Span | null;
}

/** A store that lives as long as its object does; what a client uses where it is given none. */
export function memoryStore(): ClientStore {
  const notes = new Map<string, Json>();
  const staged = new Map<number, Kept[]>();
  let base = new MemoryRows();

  const linesOf = (subscription: number) => staged.get(subscription) ?? [];

  function blocksOf({ subscription, lines }: Adopted): MemoryBlock[] {
    const holders = Object.freeze([subscription]);
    return linesOf(subscription)
      .slice(0, lines)
      .map(({ text, line, span }) => {
        const { collection, at, records } = line as PutLine;
        return { ...(span as Span), collection, at, holders, records, text };
      });
  }

  function write(batch: Batch): void {
    for (const subscription of batch.unstage ?? []) staged.delete(subscription);
    if (batch.wipe) base = new MemoryRows();
    for (const { subscription, lines } of batch.stage ?? []) {
      const kept = linesOf(subscription);
      for (const { text, line } of lines) kept.push({ text, line, span: spanOf(line) });
      staged.set(subscription, kept);
    }
    if (batch.adopt !== undefined) {
      base.adopt(batch.adopt.flatMap(blocksOf));
      for (const { subscription } of batch.adopt) staged.delete(subscription);
    }
    if (batch.rows !== undefined) base.write(batch.rows);
    for (const [name, value] of batch.notes ?? []) {
      if (value === null) notes.delete(name);
      else notes.set(name, value);
    }
  }

  return {
    open: async () => ({ damage: null }),
    async notes(prefix, limit = Number.POSITIVE_INFINITY) {
      const found = [...notes].filter(([name]) => name.startsWith(prefix));
      found.sort(([a], [b]) => compareUtf8(a, b));
      return found.slice(0, limit);
    },
    get: async (keys) => keys.map((key) => base.get(key)),
    scan: async (from, to, limit) => base.scan(from, to, limit),
    staged: async (subscription, skip, limit) =>
      linesOf(subscription)
        .slice(skip, skip + limit)
        .map(({ line }) => line),
    async spans(subscription) {
      const spans = linesOf(subscription).map(({ span }) => span);
      const end = spans.indexOf(null);
      return (end < 0 ? spans : spans.slice(0, end)) as Span[];
    },
    isFree: async (span) => base.isFree(span),
    async stagedRows(adopt, keys) {
      const blocks = new MemoryRows();
      blocks.adopt(adopt.flatMap(blocksOf));
      return keys.map((key) => blocks.get(key));
    },
    async *contents(from, to) {
      yield* base.contents(from, to);
    },
    write: async (batch) => write(batch),
    close: async () => {},
  };
}
