import { describe, expect, test } from "vitest";
import { seededRandom } from "../testing/random.ts";
import { type Mark, watermark } from "./index.ts";

type Row = { id: string; at: number | null; n: number };
const options = { key: ({ id }: Row) => id, value: ({ at }: Row) => at };

/** Reads a table as a source does: in pages of `size` of what is `>= from`, and what has no value. */
function read(table: Row[], mark: Mark | null, size: number, latest?: number): { fresh: Row[]; mark: Mark | null } {
  const water = watermark<Row>(mark, { ...options, ...(latest !== undefined && { latest }) });
  const { from } = water;
  const found = table.filter(({ at }) => at === null || from === null || at >= Number(from));
  const fresh: Row[] = [];
  for (let i = 0; i < found.length; i += size) fresh.push(...water.take(found.slice(i, i + size)));
  return { fresh, mark: water.mark };
}

describe("a watermark", () => {
  test("[I2] gives rows that tie at the end of a page, later ones at the same value, and each once", () => {
    const table: Row[] = Array.from({ length: 10 }, (_, i) => ({ id: `r${i}`, at: 5, n: 0 }));
    const first = read(table, null, 3);
    expect(first.fresh).toHaveLength(10);
    table.push({ id: "late", at: 5, n: 0 });
    const second = read(table, first.mark, 3);
    expect(second.fresh.map(({ id }) => id)).toEqual(["late"]);
    expect(read(table, second.mark, 3).fresh).toEqual([]);
  });

  test("[I2 I14] gives a row that changes twice at one value", () => {
    const table = [{ id: "a", at: 5, n: 1 }];
    const { mark } = read(table, null, 10);
    table[0] = { id: "a", at: 5, n: 2 };
    expect(read(table, mark, 10).fresh).toEqual([{ id: "a", at: 5, n: 2 }]);
  });

  test("[I2] never goes beyond run start less lag, so that rows that come late, or clocks that ran ahead, hide nothing", () => {
    const table = [
      { id: "a", at: 1_000_000, n: 1 },
      { id: "b", at: 90, n: 1 },
    ];
    const { mark } = read(table, null, 10, 95);
    expect(mark?.v).toBe(95);
    table.push({ id: "late", at: 96, n: 1 });
    expect(read(table, mark, 10, 100).fresh.map(({ id }) => id)).toEqual(["late"]);
  });

  test("[I2] gives rows without a value each time", () => {
    const table = [
      { id: "a", at: null, n: 1 },
      { id: "b", at: 3, n: 1 },
    ];
    expect(read(table, read(table, null, 10).mark, 10).fresh.map(({ id }) => id)).toEqual(["a"]);
  });

  test("[I2 I14] stays small where 100,000 rows have one value: those are given again, and none is lost", () => {
    const table = Array.from({ length: 100_000 }, (_, i) => ({ id: `r${i}`, at: 7, n: 0 }));
    const { mark } = read(table, null, 1_000);
    expect(mark).toEqual({ v: 7, seen: null });
    table.push({ id: "new", at: 7, n: 0 });
    expect(read(table, mark, 1_000).fresh).toHaveLength(100_001);
  });

  test("[I2] loses nothing of a table that moves while it is read (seeds 0 to 49)", () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = seededRandom(`watermark ${seed}`);
      const table: Row[] = [];
      const replica = new Map<string, number>();
      let mark: Mark | null = null;
      for (let now = 1; now < 60; now++) {
        for (let i = random.between(0, 4); i > 0; i--) {
          const id = `r${random.between(0, 9)}`;
          const at = table.findIndex((row) => row.id === id);
          // Committed up to two ticks after it was stamped.
          const row = { id, at: now - random.between(0, 2), n: now * 10 + i };
          if (at < 0) table.push(row);
          else table[at] = row;
        }
        const done = read(table, mark, random.between(1, 4), now - 3);
        for (const { id, n } of done.fresh) replica.set(id, n);
        mark = done.mark;
      }
      expect(Object.fromEntries(replica), `seed ${seed}`).toEqual(
        Object.fromEntries(table.map(({ id, n }) => [id, n])),
      );
    }
  });
});
