import { expect, test } from "vitest";
import { seededRandom } from "../../src/testing/random.ts";
import { insert } from "../support/server.ts";
import { KINDS, listening, present, rowsOf, sorted, stateOf, warehouseIn } from "./support.ts";

const TEXTS = ["plain", 'quoted "\\" \\\\', "line\nand\ttab", "é ☃ 𝄞", "'; DROP", "", "[1]", "null", "1.50"];
const ESCAPED = ["\u0001", "a\u007fb", "\u001f"];
const NUMBERS = [0, -1, 9_007_199_254_740_991, -9_007_199_254_740_991, 42];
const FRACTIONS = [0.1, -2.5e-7, 1e20, 123_456_789.123, 1.7976931348623157e308, 5e-324, 3];

test.each(KINDS)("[X1 X6] %s: records that are written as they came are written exactly", async (kind) => {
  const seed = `load ${kind}`;
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.fraction() * list.length)] as T;
  const { server, url } = await listening();
  const body = "x".repeat(900);
  // In the order of ids: what fits its columns, then an escape, an atom more, wider ones, and the first kind again.
  for (let part = 0; part < 6; part++) {
    const records = Array.from({ length: 600 }, (_, i) => {
      const atoms: { [atom: string]: unknown } = {
        body,
        text: pick(TEXTS),
        n: pick(NUMBERS),
        yes: pick([true, false]),
      };
      if (part !== 1) atoms.d = pick(FRACTIONS);
      if (pick([0, 1]) === 1) delete atoms[pick(["text", "n", "yes"])];
      if (part === 1) atoms.text = pick(ESCAPED);
      if (part === 2) Object.assign(atoms, { more: pick(TEXTS), Text: "other case", n: pick(FRACTIONS) });
      if (part === 3) Object.assign(atoms, { d: pick([...TEXTS, ...FRACTIONS]), list: [{ y: pick(TEXTS), n: 1e20 }] });
      return insert(`${part}${pick(["a'", "é", "-"])}${i}`, atoms);
    });
    await server.write("w", records);
  }
  const warehouse = await warehouseIn(kind, { url, page: 700 });
  await warehouse.sync();
  const items = sorted((await stateOf(server)).get("items")?.values() ?? []);
  const texts = ({ d, ...record }: { [atom: string]: unknown }) => ({
    ...record,
    ...(d !== undefined && { d: String(d) }),
  });
  expect((await rowsOf(warehouse, "items", present)).map(texts), seed).toEqual(items.map(texts));
  expect((await warehouse.verify()).differences).toEqual([]);
});
