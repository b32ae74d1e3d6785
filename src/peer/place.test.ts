import { describe, expect, test } from "vitest";
import { advanced, BEGINNING, baseAt, floored, moved } from "./place.ts";

describe("the base of what is written here", () => {
  test("[S11] is where the mirror stood when it was written, also when the journal is followed later", () => {
    const place = moved(moved(BEGINNING, 5, 100), 9, 110);
    const bases = [3, 5, 6, 9, 10].map((revision) => baseAt(place, revision, "items/x", 120));
    expect(bases).toEqual([100, 100, 110, 110, 120]);
  });

  test("[S11] is no later than that of a write to the record whose outcome came after it was written", () => {
    const place = floored(moved(BEGINNING, 5, 100), 7, new Map([["items/x", 90]]));
    expect(baseAt(place, 7, "items/x", 120)).toBe(90);
    expect(baseAt(place, 7, "items/y", 120)).toBe(120);
    expect(baseAt(place, 8, "items/x", 120)).toBe(120);
  });

  test("[S5] what has been queued leaves nothing behind", () => {
    const place = floored(moved(BEGINNING, 5, 100), 5, new Map([["items/x", 90]]));
    expect(advanced(place, 5, 0)).toEqual({ taken: 5, part: 0, bases: [], floors: {} });
  });
});
