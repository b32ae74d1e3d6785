import { expect, test } from "vitest";
import type { Row } from "../figures.ts";
import { paper } from "./paper.ts";
import { COSTS } from "./parts/cost.ts";

test("multiplies what one takes, and leaves open what was not measured", () => {
  const row = (work: string, value: number): Row => ({ id: "P7", work, unit: "µs", values: [value], floor: [] });
  const lines = paper([row(COSTS.push, 500), row(COSTS.memory, 16)]).split("\n");
  expect(lines.find((line) => line.startsWith("| commits"))).toMatch(/10,000 a second +\| 5 \(500 µs each\) +\| +\|$/);
  expect(lines.at(-1)).toBe("Memory of the servers: 1,000,000 × 16 KiB = 15 GiB.");
});
