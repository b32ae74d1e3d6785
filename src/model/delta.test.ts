import { describe, expect, it } from "vitest";
import { stepOf } from "./delta.ts";
import { matcherOf } from "./filter.ts";
import type { Membership, RecordData } from "./record.ts";

const member = (revision: number, entered: number, first: number, present = true): Membership => ({
  revision,
  entered,
  first,
  present,
});

/** A record whose atoms were last written at these revisions. */
function change(data: RecordData | null, at: { [atom: string]: number }, where: Membership) {
  const text = data === null ? null : JSON.stringify(data);
  const changedSince = (revision: number) => Object.keys(at).filter((atom) => (at[atom] as number) > revision);
  return { id: "i1", member: where, text, erased: null, changedSince };
}

describe("what a delta since 10 says of a record", () => {
  const ONE = { id: "i1", status: "open", title: "A" };
  const step = (of: ReturnType<typeof change>, shown = 10) => stepOf(of, 10, shown, null);

  it("[P2] changed: one patch with only the atoms written since, at their newest values, null where removed", () => {
    const changed = change(ONE, { status: 12, title: 9, owner: 14, toString: 11 }, member(14, 3, 3));
    expect(step(changed)).toEqual({ op: "patch", atoms: { status: "open", owner: null, toString: null } });
  });

  it("[P2] entered since, or left and came back: put", () => {
    expect(step(change(ONE, { status: 5 }, member(12, 12, 12)))).toEqual({ op: "put" });
    expect(step(change(ONE, { status: 5 }, member(12, 12, 3)))).toEqual({ op: "put" });
  });

  it("[P2] deleted, or left: remove", () => {
    expect(step(change(null, {}, member(12, 3, 3, false)))).toEqual({ op: "remove" });
    expect(step(change(ONE, { status: 12 }, member(12, 3, 3, false)))).toEqual({ op: "remove" });
  });

  it("[P2] entered and gone again since: nothing", () => {
    expect(step(change(null, {}, member(12, 11, 11, false)))).toBeNull();
  });

  it("[P5] what a page showed and a later transaction deleted is removed, although it was first there after the start", () => {
    expect(step(change(null, {}, member(15, 11, 11, false)), 13)).toEqual({ op: "remove" });
    expect(step(change(null, {}, member(15, 14, 14, false)), 13)).toBeNull();
  });
});

describe("what a filtered delta since 10 says of a record", () => {
  const open = matcherOf({ status: "open" });
  const step = (data: RecordData, at: { [atom: string]: number }, where = member(12, 3, 3)) =>
    stepOf(change(data, at, where), 10, 10, open);

  it("[P11] a record that starts to match is put, one that stops is removed", () => {
    expect(step({ id: "i1", status: "open" }, { status: 12 })).toEqual({ op: "put" });
    expect(step({ id: "i1", status: "done" }, { status: 12 })).toEqual({ op: "remove" });
    expect(step({ id: "i1" }, { status: 12 })).toEqual({ op: "remove" });
  });

  it("[P11] one that matches as before is patched; of one that matches as little as before nothing is sent", () => {
    expect(step({ id: "i1", status: "open", title: "B" }, { status: 4, title: 12 })).toEqual({
      op: "patch",
      atoms: { title: "B" },
    });
    expect(step({ id: "i1", status: "done", title: "B" }, { status: 4, title: 12 })).toBeNull();
    expect(step({ id: "i1", status: "open" }, { status: 4 })).toBeNull();
  });

  it("[P11] one that came since and does not match was never held", () => {
    expect(step({ id: "i1", status: "done" }, { status: 12 }, member(12, 12, 12))).toBeNull();
    expect(step({ id: "i1", status: "done" }, { status: 4 }, member(12, 12, 3))).toEqual({ op: "remove" });
  });
});
