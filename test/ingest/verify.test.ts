import { describe, expect, test } from "vitest";
import { check, matching, required, trim, type Verification } from "../../src/ingest/index.ts";
import type { RecordData } from "../../src/model/record.ts";
import { createServer } from "../../src/server/index.ts";
import { oneStream, put, SPACE } from "./support.ts";

const TASK = "list.things";
const OPTIONS = { normalise: { name: trim() }, check: [required("name")] };
const kinds = ({ differences }: Verification) => differences.map(({ kind, key }) => `${kind} ${key?.join("/") ?? "?"}`);

describe("ingest verify", () => {
  test("[X4] finds nothing where the space is what the source says, cleaned; it writes nothing", async () => {
    const { source, desk } = oneStream(OPTIONS);
    source.gives([put("a", { name: " A " }), put("b", { name: "B", city: null })]);
    await desk.run(TASK);
    const before = [await desk.revision(), (await desk.ingest.runs(SPACE, TASK)).length];
    const found = await desk.ingest.verify(SPACE, TASK);
    expect(found).toMatchObject({ read: 2, same: 2, whole: true, differences: [] });
    expect([await desk.revision(), (await desk.ingest.runs(SPACE, TASK)).length]).toEqual(before);
  });

  test("[X4 I61] names what is missing here, gone there, different by atoms, and in quarantine with its reason", async () => {
    const { source, desk } = oneStream(OPTIONS);
    source.gives(["a", "b", "c"].map((key) => put(key, { name: key, city: "Leeds" })).concat(put("bad", {})));
    await desk.run(TASK);
    source.gives([
      put("a", { name: "a", city: "Leeds" }),
      put("b", { name: " B ", city: "Leeds" }),
      put("d", { name: "d" }),
      put("bad", {}),
      { op: "broken", position: "list:9", raw: "{", code: "unreadable", message: "this is not JSON" },
    ]);
    const found = await desk.ingest.verify(SPACE, TASK);
    expect(found.counts).toEqual({ missing: 1, gone: 1, different: 1, quarantine: 2 });
    expect(kinds(found)).toEqual(["different b", "missing d", "quarantine bad", "quarantine ?", "gone c"]);
    expect(found.differences).toMatchObject([
      { id: "b", atoms: { name: { source: "B", here: "b" } }, position: "list#b" },
      { id: null },
      { code: "required", item: 1 },
      { code: "unreadable", message: "this is not JSON", position: "list:9" },
      { id: "c", position: null },
    ]);
  });

  test("[X4] what was edited here differs, an atom that the source never had does not", async () => {
    const { source, desk } = oneStream(OPTIONS);
    source.gives([put("a", { name: "A" }), put("b", { name: "B" })]);
    await desk.run(TASK);
    await edited(desk, { id: "a", name: "Ada" });
    await edited(desk, { id: "b", seen: true });
    expect((await desk.ingest.verify(SPACE, TASK)).differences).toMatchObject([
      { kind: "different", key: ["a"], atoms: { name: { source: "A", here: "Ada" } } },
    ]);
  });

  test("[X4 I61] of a source that gives no complete pass it is not known what is gone", async () => {
    const { source, desk } = oneStream({}, "reported");
    source.adds([put("a", { name: "A" }), put("b", { name: "B" })], 1);
    await desk.run(TASK);
    source.adds([put("a", { name: "A" })], 2);
    expect(await desk.ingest.verify(SPACE, TASK)).toMatchObject({ whole: false, same: 1, counts: { gone: 0 } });
  });

  test("[X4 I61] compares what was taken of a source where records are made of several", async () => {
    const { source, desk } = oneStream({ match: matching({ fields: { name: "name" }, exact: ["mail"] }) });
    source.gives([put("a", { name: "Ada", mail: "a@x.org" }), put("b", { name: "Ada L.", mail: "a@x.org" })]);
    await desk.run(TASK, { accept: true });
    expect(await desk.ingest.verify(SPACE, TASK)).toMatchObject({ same: 2, differences: [] });
  });

  test("[X4] of a value that a person set right, the right one is compared", async () => {
    const { source, desk } = oneStream(OPTIONS);
    source.gives([put("a", { name: "" })]);
    await desk.run(TASK);
    await desk.ingest.fix(SPACE, TASK, 1, { name: "A" });
    expect(await desk.ingest.verify(SPACE, TASK)).toMatchObject({ same: 1, differences: [] });
  });

  test("[X4 I61] names 1,000 of a kind, and counts all", async () => {
    const { source, desk } = oneStream({ check: [check("never", () => "no")] });
    source.gives(Array.from({ length: 1_234 }, (_, i) => put(`r${i}`, { i })));
    const { counts, differences } = await desk.ingest.verify(SPACE, TASK);
    expect([counts.quarantine, differences.length]).toEqual([1_234, 1_000]);
  });
});

/** A person's write to a record. */
async function edited({ store }: ReturnType<typeof oneStream>["desk"], record: RecordData): Promise<void> {
  const server = createServer({ store, config: { auth: { open: true } } });
  const base = (await store.head(SPACE))?.revision ?? 0;
  const mutation = { id: 1, base, writes: [{ op: "update", collection: "things", record }] };
  const response = await server.handler(
    new Request(`http://localhost/v1/spaces/${SPACE}/push`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ client: `editor-${record.id}`, mutations: [mutation] }),
    }),
  );
  expect(await response.json()).toMatchObject({ outcomes: [{ status: "applied" }] });
}
