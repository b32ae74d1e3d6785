import { expect, it } from "vitest";
import { copyText } from "./text.ts";

it.each([
  ["nothing while nothing is copied", {}, null],
  ["a bar", { a: { done: 1_999, total: 4_000 } }, "copying █████████░░░░░░░░░░░ 49 % · 1,999 of 4,000 records"],
  [
    "several copies together",
    { a: { done: 1, total: 2 }, b: { done: 2, total: 2 } },
    "copying ███████████████░░░░░ 75 % · 3 of 4 records",
  ],
  ["no bar without a total", { a: { done: 1, total: 2 }, b: { done: 2, total: null } }, "copying · 3 records so far"],
])("[C15] the line below what is followed shows %s", (_, copies, text) => {
  expect(copyText(copies)).toBe(text);
});
