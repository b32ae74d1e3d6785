import { describe, expect, it } from "vitest";
import { originIn, originName, originNamed, originsFrom, originsOf, ownOrigin, patchedOrigins } from "./origin.ts";
import { authorOf } from "./record.ts";

const ANN = { server: "hq", revision: 3, user: "ann", client: "c1" };
const BOB = { server: "hq", revision: 4, user: "bob", client: "c2" };

describe("origins of a record", () => {
  it("[S24] one origin for all needs no names; several name their atoms, and what is not known has none", () => {
    expect(
      originsOf([
        ["n", ANN],
        ["m", ANN],
      ]),
    ).toEqual([ANN]);
    const mixed = originsOf([
      ["n", ANN],
      ["m", BOB],
      ["k", undefined],
    ]);
    expect(["n", "m", "k", null].map((atom) => originIn(mixed, atom))).toEqual([ANN, BOB, undefined, undefined]);
    expect(
      originIn(
        originsOf([
          ["n", ANN],
          ["k", undefined],
        ]),
        "k",
      ),
    ).toBeUndefined();
    expect(originsOf([["n", undefined]])).toBeUndefined();
  });

  it("[S24] a patch replaces the origins of its atoms, also of those that it removes and of those it says nothing of", () => {
    const data = { id: "x", n: 1, m: 1, k: 1 };
    const patched = patchedOrigins([ANN], [{ ...BOB, atoms: ["m"] }], data, { id: "x", m: null, k: 2 });
    expect(["n", "m", "k"].map((atom) => originIn(patched, atom))).toEqual([ANN, BOB, undefined]);
  });

  it("[S24] what names no server is of the one that told it; where that is not known it says nothing", () => {
    const own = ownOrigin(authorOf("ann", "c1"), 3);
    expect(originsFrom("hq", [own, { ...BOB, server: "ship" }])).toEqual([ANN, { ...BOB, server: "ship" }]);
    expect(originsFrom(undefined, [own, BOB])).toEqual([BOB]);
    expect(originNamed(originName(ANN), 3)).toEqual(ANN);
  });
});
