import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/client/store/memory.ts";
import type { ClientStore } from "../../src/client/store/store.ts";
import { digestOf, formatDigest } from "../../src/model/fingerprint.ts";
import type { Line } from "../../src/wire/lines.ts";
import { begin, copy, delta, end, ndjson, never, put, Script, timed } from "./support.ts";

const ALL = { scope: "*" };
const told = (text: string) => ({ cursor: "c5", count: 1, digest: formatDigest(digestOf("items", text)) });
const TOLD = told('{"id":"a"}');
const copied = () =>
  ndjson(begin(5), copy("*"), put(5, { id: "a" }), { op: "mark", key: "*", cursor: "m" }, end(5, { "*": TOLD }));

/** A store in memory that outlives its client, and does not tell its content before it is let. */
function slow(): { store: ClientStore; let: () => void } {
  let start = () => {};
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });
  const inner = memoryStore();
  async function* contents(from: string | null, to: string | null) {
    await started;
    yield* inner.contents(from, to);
  }
  return { store: { ...inner, contents, close: async () => {} }, let: () => start() };
}

describe("a copy that is taken over as it came", () => {
  it("[P4] [P9] can be read before it is compared, and the replica is up to date when it has been", async () => {
    const { store, let: compare } = slow();
    const { client, clock } = timed(new Script().on("pull", copied, never), { store });
    await client.subscribe(ALL).ready;
    expect(await client.get("items", "a")).toEqual({ id: "a" });
    await clock.run(1_000);
    expect(client.status.state).not.toBe("upToDate");
    compare();
    await clock.until(() => client.status.state === "upToDate", 1_000);
  });

  it("[P9] [R4] that was not compared before the client ended is compared by the next one, and repaired", async () => {
    const { store, let: compare } = slow();
    const first = timed(new Script().on("pull", copied, never), { store });
    await first.client.subscribe(ALL).ready;
    const [row] = await store.get(["items/a"]);
    await store.write({ rows: new Map([["items/a", { ...row, data: { id: "a", wrong: true } } as never]]) });

    compare();
    const right: Line = {
      op: "range",
      from: null,
      to: null,
      count: 1,
      digest: TOLD.digest,
      records: [["items", { id: "a" }]],
    };
    const script = new Script()
      .on("pull", () => ndjson(begin(5), delta("*", 5), end(5, { "*": TOLD })))
      .on("verify", (sent) =>
        ndjson(begin(5), delta("*", 5), ...(sent.body.ranges.length ? [right] : []), end(5, { "*": TOLD })),
      );
    const { client, clock } = timed(script, { store });
    const damaged: string[] = [];
    client.on("damaged", ({ key }) => damaged.push(key));
    client.subscribe(ALL);
    await clock.until(() => client.status.state === "upToDate", 10_000);
    expect(damaged).toEqual(["*"]);
    expect(await client.get("items", "a")).toEqual({ id: "a" });
  });
});
