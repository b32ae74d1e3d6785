import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { clientConformance } from "../../src/conformance/client/run.ts";
import { CHECKS, conformance, type Verdict } from "../../src/conformance/run.ts";
import { systemRandom } from "../../src/util/random.ts";
import { freePort, node, root, run } from "../cli/program.ts";
import { LiveServer } from "../support/live.ts";

async function server() {
  const made = await LiveServer.start({ spaces: "open", collections: { conformance: {} } });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

async function verdicts(url: string, fetch: typeof globalThis.fetch = globalThis.fetch): Promise<Verdict[]> {
  const all: Verdict[] = [];
  for await (const verdict of conformance({ url, space: "trial", token: undefined, fetch, random: systemRandom }))
    all.push(verdict);
  return all;
}

const failed = (all: readonly Verdict[]) =>
  [...new Set(all.filter(({ result }) => result === "failed").map(({ id }) => id))].sort();

test("[D18] this server passes every check, also a second time in the same space", async () => {
  const { url } = await server();
  for (const round of [1, 2]) {
    const all = await verdicts(url);
    expect(
      all.filter(({ result }) => result !== "passed"),
      `round ${round}`,
    ).toEqual([]);
    expect(all).toHaveLength(CHECKS.length);
  }
});

test("[D18] [K2] a journal in which something was erased still passes", async () => {
  const made = await server();
  await verdicts(made.url);
  const ask = (verb: string, body: object) =>
    fetch(`${made.url}/v1/spaces/trial/${verb}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const copy = await (await ask("pull", { subscriptions: [{ scope: "*" }] })).text();
  const [, id] = /"records":\[\{.*?"id":"([^"]+)"/.exec(copy) ?? [];
  expect(id).toBeDefined();
  expect((await ask("erase", { collection: "conformance", id })).status).toBe(200);
  expect(failed(await verdicts(made.url))).toEqual([]);
});

/** A server that does one thing otherwise: what it answers is altered on the way. */
function altered(alter: (text: string, path: string) => string): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const text = alter(await response.text(), new URL(String(input)).pathname);
    return new Response(text, {
      status: response.status,
      headers: { "content-type": response.headers.get("content-type") ?? "" },
    });
  };
}

/** Each line's records the other way round. */
function reversed(text: string, path: string): string {
  if (!path.endsWith("/pull")) return text;
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { records?: unknown[] });
  return lines
    .map((line) => JSON.stringify(line.records ? { ...line, records: line.records.toReversed() } : line))
    .join("\n");
}

describe("a server that", () => {
  test.each<[string, string, (text: string, path: string) => string]>([
    ["calls superseded writes applied", "W1", (text) => text.replaceAll('"superseded"', '"applied"')],
    ["leaves deletions out", "P1", (text) => text.replaceAll(/\{"op":"remove".*\n/g, "")],
    [
      "sends digests that are none",
      "P9",
      (text) => text.replaceAll(/"digest":"(.)/g, (_, first: string) => `"digest":"${first === "f" ? 0 : "f"}`),
    ],
    ["gives no end", "P1", (text, path) => (path.endsWith("/pull") ? text.replace(/\{"op":"end".*\n?/, "") : text)],
    ["has another code for its problems", "H1", (text) => text.replaceAll('"code":"invalid"', '"code":"bad"')],
    [
      "counts revisions by two",
      "M1",
      (text) => text.replaceAll(/"revision":(\d+)/g, (_, n: string) => `"revision":${2 * Number(n)}`),
    ],
    ["loses the order of keys", "P5", reversed],
    ["answers a broken chain", "K1", (text) => text.replaceAll(/"salt":"./g, '"salt":"A')],
  ])("[D18] %s fails at %s", async (_, id, alter) => {
    const { url } = await server();
    expect(failed(await verdicts(url, altered(alter)))).toContain(id);
  });
});

describe("tidemark conformance", () => {
  test("[D18] prints each check with its rule, and exits 0 where all pass", async () => {
    const { url } = await server();
    const { code, stdout } = await run(["conformance", url]);
    expect(stdout).toMatch(/✓ W6 {2}a mutation that comes twice is processed once/);
    expect(stdout).toMatch(/^\d+ passed, 0 failed, 0 skipped$/m);
    expect(code).toBe(0);
  });

  test("[D18] says so where nobody answers, and where a space may not be made", async () => {
    const nobody = await run(["conformance", `http://127.0.0.1:${await freePort()}`]);
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringMatching(/does not answer/)]);
    const closed = await LiveServer.start({ spaces: ["other"] });
    onTestFinished(() => closed[Symbol.asyncDispose]());
    const { code, stdout } = await run(["conformance", closed.url, "--json"]);
    expect(code).toBe(1);
    const first = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Verdict)
      .find(({ id }) => id === "H9");
    expect(first).toMatchObject({ result: "failed", detail: expect.stringMatching(/unknown-space/) });
  });
});

describe("tidemark conformance --client", () => {
  const own = (fault = "") =>
    `${fault === "" ? "" : `FAULT='${fault}' `}${node} ${join(root, "test/conformance/own-client.ts")}`;

  test("[D19] this client passes every scene", async () => {
    const { code, stdout } = await run(["conformance", "--client", own()]);
    expect(stdout).toMatch(/^10 passed, 0 failed, 0 skipped$/m);
    expect(code).toBe(0);
  }, 120_000);

  test.each([
    ["hides one", "P5"],
    ["never pulls", "P1"],
    ["makes no mutation", "W10"],
  ])(
    "[D19] one that %s fails at %s",
    async (fault, id) => {
      const all: Verdict[] = [];
      for await (const verdict of clientConformance(own(fault), { only: [id] })) all.push(verdict);
      expect(failed(all)).toContain(id);
    },
    120_000,
  );

  test("[D19] one that hangs is ended, and one that cannot be started is said to be so", async () => {
    const first = async (command: string) =>
      (await clientConformance(command, { seconds: 0.3 }).next()).value as Verdict;
    expect(await first("sleep 60")).toMatchObject({
      result: "failed",
      detail: expect.stringMatching(/no code in 0.3 seconds/),
    });
    expect(await first("no-such-client")).toMatchObject({
      result: "failed",
      detail: expect.stringMatching(/ended with 127/),
    });
  });
});
