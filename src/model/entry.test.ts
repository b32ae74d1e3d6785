import { describe, expect, it } from "vitest";
import { chainHash, changeHash, GENESIS } from "./entry.ts";
import { authorOf } from "./record.ts";

const CHANGE = { collection: "issues", id: "i1", before: null, after: { title: "A" } };
const SALT = "00112233445566778899aabbccddeeff";
const ENTRY = { revision: 1, time: 1_000, author: authorOf("ann", "c1"), mutation: 1 };

describe("the chain", () => {
  it("[M6] a change's hash is the SHA-256 of its salt and its canonical JSON", () => {
    expect(changeHash({ change: CHANGE, salt: SALT })).toBe(
      "f8bdc1550624a08a70538bac28953eff0537b921d77018d41ad6a96078bea309",
    );
  });

  it("[M6] an entry's hash is the SHA-256 of its canonical JSON, the hash before it and its changes' hashes", () => {
    const hash = chainHash(ENTRY, [changeHash({ change: CHANGE, salt: SALT })], GENESIS);
    expect(hash).toBe("66e5db5e47de313741869eef4695ab8d9fcf1a3b1a467bbc9b26ed15301088d8");
  });

  it("[M6] the hash covers number, time, author, mutation, the hash before, and every change with its salt", () => {
    const hash = (entry: object = {}, changes: string[] = ["a"], before = GENESIS) =>
      chainHash({ ...ENTRY, ...entry }, changes, before);
    const others = [
      hash({ revision: 2 }),
      hash({ time: 1_001 }),
      hash({ author: authorOf("ann", "c2") }),
      hash({ author: authorOf("eve", "c1") }),
      hash({ mutation: 2 }),
      hash({}, ["b"]),
      hash({}, ["a", "b"]),
      hash({}, ["a"], "1".repeat(64)),
    ];
    expect(new Set([hash(), ...others]).size).toBe(others.length + 1);
    const origin = [{ server: "acme@there", revision: 7, user: "ann", client: "c1" }];
    const changes = [CHANGE, { ...CHANGE, operators: { title: { $add: 1 } } }, { ...CHANGE, origin }];
    const salted = changes.map((change) => changeHash({ change, salt: SALT }));
    expect(new Set([...salted, changeHash({ change: CHANGE, salt: SALT.replace("0", "1") })]).size).toBe(4);
  });
});
