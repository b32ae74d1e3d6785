/** A mistake that somebody could make, as a change of one place in the sources. */
export interface Bug {
  readonly name: string;
  /** The rule that it breaks. */
  readonly rule: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Which of the tests must find it, and within how many seeds. */
  readonly where: "oracle" | "simulation";
  readonly seeds: number;
}

const oracle = { where: "oracle", seeds: 25 } as const;
const simulation = { where: "simulation", seeds: 40 } as const;

export const BUGS: readonly Bug[] = [
  {
    ...oracle,
    name: "a delta forgets what was deleted",
    rule: "P2",
    file: "src/model/delta.ts",
    find: 'return mayHold ? { op: "remove" } : null;\n  const entered',
    replace: "return null;\n  const entered",
  },
  {
    ...oracle,
    name: "a patch sends all atoms",
    rule: "P2",
    file: "src/model/delta.ts",
    find: "const changed = change.changedSince(since);\n  if",
    replace: "const changed = change.changedSince(0);\n  if",
  },
  {
    ...oracle,
    name: "a record that left and came back is patched",
    rule: "P1",
    file: "src/model/delta.ts",
    find: "const entered = member.entered > since;",
    replace: "const entered = member.first > since;",
  },
  {
    ...oracle,
    name: "a filter is not asked whether its atoms changed",
    rule: "P11",
    file: "src/model/delta.ts",
    find: "const moved = entered || ",
    replace: "const moved = entered || false && ",
  },
  {
    ...oracle,
    seeds: 60,
    name: "what a page showed is compared with the head when the copy began",
    rule: "P5",
    file: "src/server/answer.ts",
    find: "  own.page = headPoint(head);\n",
    replace: "",
  },
  {
    ...oracle,
    name: "two copies that began at one head share a line",
    rule: "P13",
    file: "src/server/answer.ts",
    find: "if (this.last === own && this.has(own)) return",
    replace: "if (this.last?.at === own.at) return",
  },
  {
    ...simulation,
    name: "a copy whose first page was empty cannot go on",
    rule: "P5",
    file: "src/client/answer.ts",
    find: "part.staged || opened !== undefined ? part.mode : null",
    replace: "part.staged || part.lines.length > 0 ? part.mode : null",
  },
  {
    ...oracle,
    name: "a page of a delta counts as all of it",
    rule: "P15",
    file: "src/server/answer.ts",
    find: "own.reached = scan.changes.at(-1)?.member.revision ?? own.reached;",
    replace: "own.reached = head.revision;",
  },
  {
    ...oracle,
    name: "a fingerprint keeps what left the scope",
    rule: "P9",
    file: "src/model/working.ts",
    find: "presentIn(old.scopes)) sums.subtract",
    replace: "presentIn(held.scopes)) sums.subtract",
  },
  {
    ...oracle,
    name: "tombstones go, and the horizon does not say so",
    rule: "G2",
    file: "src/store/sqlite/cut.ts",
    find: 'WHERE id = ?", journal, tombstones, space.id);',
    replace: 'WHERE id = ?", journal, before.tombstones, space.id);',
  },
  {
    ...simulation,
    name: "the first removal ends all holdings of a record",
    rule: "P13",
    file: "src/client/replica.ts",
    find: "this.rows.set(key, withoutHolder(row, number));",
    replace: "this.rows.set(key, null);",
  },
  {
    ...simulation,
    seeds: 80,
    name: "a copy does not drop what it did not bring",
    rule: "P7",
    file: "src/client/replica.ts",
    find: 'mode === "copy" && subscription.revision !== null',
    replace: "mode === undefined && subscription.revision !== null",
  },
  {
    ...simulation,
    name: "the cursor is saved before the rows",
    rule: "P4",
    file: "src/client/local.ts",
    find: "if (Object.keys(batch).length > 0) await this.store.write(",
    replace:
      "if (batch.notes && batch.rows) await this.store.write({ notes: batch.notes });\n    if (Object.keys(batch).length > 0) await this.store.write(",
  },
  {
    ...oracle,
    name: "the base of a write is ignored",
    rule: "W1",
    file: "src/model/conflict.ts",
    find: "stamp.revision <= writer.base || ",
    replace: "",
  },
  {
    ...oracle,
    name: "one's own earlier write is a conflict",
    rule: "W2",
    file: "src/model/conflict.ts",
    find: "return !writer.owns(stamp.author, stamp.revision) && ",
    replace: "return ",
  },
  {
    ...oracle,
    name: "a whole mutation applies in part",
    rule: "W4",
    file: "src/model/settle.ts",
    find: "if (superseded.length > 0 && mutation.whole)",
    replace: "if (superseded.length > 1e6)",
  },
  {
    ...simulation,
    name: "a mutation that comes twice is carried out twice",
    rule: "W6",
    file: "src/model/decide.ts",
    find: "if (id <= last) {",
    replace: "if (id < 0) {",
  },
  {
    ...simulation,
    name: "a push is acknowledged before its commit",
    rule: "W8",
    file: "src/store/sqlite/connection.ts",
    find: '      this.#statement(begin).run();\n      const result = work();\n      this.#statement("COMMIT").run();',
    replace:
      '      if (this.db.isTransaction) this.#statement("COMMIT").run();\n      this.#statement(begin).run();\n      const result = work();\n      if (begin === "BEGIN") this.#statement("COMMIT").run();',
  },
  {
    ...simulation,
    name: "a pending mutation is dropped with its outcome, before its revision has arrived",
    rule: "W9",
    file: "src/client/push.ts",
    find: "if (follows && ",
    replace: "if (follows && false && ",
  },
  {
    ...simulation,
    name: "verify trusts the fingerprint that was kept and never looks at the rows",
    rule: "V3",
    file: "src/client/verify.ts",
    find: "counted.set(number, await held.of(number));",
    replace: "counted.set(number, this.#subscription(number).fingerprint ?? (await held.of(number)));",
  },
  {
    ...oracle,
    name: "the chain hash of a cursor is ignored",
    rule: "R2",
    file: "src/server/progress.ts",
    find: "return hash.startsWith(point.hash);",
    replace: "return true;",
  },
  {
    ...simulation,
    name: "what a restored server has lost is not offered again",
    rule: "R2",
    file: "src/client/recover.ts",
    find: "const again = offeredAgain(each, common);",
    replace: "const again = null as Pending | null;",
  },
  {
    ...simulation,
    name: "what a restored server still has is offered to it again",
    rule: "R2",
    file: "src/client/recover.ts",
    find: "outcome.revision > common && number > (survived.get(client) ?? 0);",
    replace: "outcome.revision > common;",
  },
  {
    ...simulation,
    name: "a number that another store has used counts as one's own mutation",
    rule: "R3",
    file: "src/model/outcome.ts",
    find: "if (first !== undefined && first !== content) {",
    replace: "if (first === null) {",
  },
];
