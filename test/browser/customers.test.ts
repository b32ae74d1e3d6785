// The customers of the examples: three systems, a server that picks up what they know, a page, and reports.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import type { QuarantineResponse, StreamsResponse } from "../../src/ingest/index.ts";
import { systemClock } from "../../src/util/clock.ts";
import { type Running, root, run, start } from "../cli/program.ts";
import { shows, snippetsOf } from "../docs/snippets.ts";
import { folderOf } from "../support/folder.ts";
import { inBrowser, profile } from "./chromium.ts";

const SHOTS = fileURLToPath(new URL(".shots/customers-", import.meta.url));
const PROGRAM = join(root, "examples/customers/start.ts");
const CONFIG = ["--config", join(root, "examples/customers/tidemark.config.ts")];
const README = "examples/customers/README.md";

/** What each stream holds and has refused after its first run, by the seed. */
const TAKEN = {
  "hubspot.contacts": [226, { future: 3, email: 6, date: 1 }],
  "typeform.responses": [148, { range: 2, email: 2, date: 1 }],
  "matomo.visits": [598, { future: 2 }],
  "logins.visits": [221, { future: 1 }],
};

interface Example extends Running {
  readonly url: string;
  readonly systems: string;
  readonly env: NodeJS.ProcessEnv;
}

async function example(data: string, args: readonly string[] = []): Promise<Example> {
  const ports = ["--port", "0", "--systems-port", "0"];
  const running = start([...ports, "--data", data, "--life", "0", "--every", "1s", ...args], { program: PROGRAM });
  const [, systems] = await running.says(/^the systems are at (http:\S+)\n/m);
  const [, url] = await running.says(/^the customers are at (http:\S+)\n/m);
  const env = { CUSTOMERS_URL: String(url), CUSTOMERS_DATA: data };
  return Object.assign(running, { url: String(url), systems: String(systems), env });
}

async function ask<T>(url: string, path: string): Promise<T> {
  const response = await fetch(`${url}/v1/spaces/main${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

/** Resolves once every stream was read to its end. */
async function filled({ url }: Example): Promise<void> {
  for (;;) {
    const { streams } = await ask<StreamsResponse>(url, "/ingest/streams");
    if (streams.every(({ state }) => state.succeeded !== null)) return;
    await systemClock.sleep(100);
  }
}

async function pulled({ url }: Example): Promise<string> {
  const body = JSON.stringify({ subscriptions: [{ scope: "*", collections: ["customers"] }] });
  const headers = { "content-type": "application/json" };
  return (await fetch(`${url}/v1/spaces/main/pull`, { method: "POST", headers, body })).text();
}

async function taken({ url }: Example): Promise<object> {
  const { streams } = await ask<StreamsResponse>(url, "/ingest/streams");
  return Object.fromEntries(streams.map(({ stream, state, quarantine }) => [stream, [state.rows, quarantine]]));
}

/** The first row that a query over the warehouse gives; it waits while the server itself has the file. */
async function report({ env }: Example, sql: string): Promise<object> {
  for (;;) {
    const { code, stdout, stderr } = await run(["warehouse", "query", "reports", sql, ...CONFIG, "--json"], { env });
    if (code === 0) return JSON.parse(stdout.split("\n")[0] ?? "null") as object;
    expect(stderr).toMatch(/lock|opened|never been synced|does not exist/i);
  }
}

/** Brings the warehouse to the head. */
async function synced({ env }: Example): Promise<void> {
  for (;;) {
    const { code, stderr } = await run(["warehouse", "sync", "reports", ...CONFIG], { env });
    if (code === 0) return;
    expect(stderr).toMatch(/lock|opened/i);
  }
}

async function moveTo({ systems }: Example, city: string): Promise<void> {
  const response = await fetch(`${systems}/crm/crm/v3/objects/contacts/101`, {
    method: "PATCH",
    headers: { authorization: "Bearer crm-token" },
    body: JSON.stringify({ properties: { city } }),
  });
  expect(response.status).toBe(200);
}

/** Runs commands as a person does, who repeats one that found the file of the reports in use. */
async function shell(text: string, own: NodeJS.ProcessEnv) {
  const env = { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"]}`, ...own };
  for (;;) {
    const ran = spawnSync("bash", ["-euo", "pipefail", "-c", text], { cwd: root, encoding: "utf8", env });
    if (ran.status === 0 || !/Could not set lock/.test(ran.stderr)) return ran;
    await systemClock.sleep(200);
  }
}

const CITY = "SELECT city, given, email FROM customers WHERE id = 'c-101'";

describe("the customers of three systems", () => {
  inBrowser(
    "[I4 I5 I6 I8 X3] the systems are picked up, cleaned and matched; a change in the CRM comes to the page and the warehouse",
    async () => {
      const customers = await example(join(folderOf(), "data"));
      await filled(customers);
      expect(await taken(customers)).toEqual(TAKEN);
      const { items } = await ask<QuarantineResponse>(
        customers.url,
        "/ingest/streams/typeform.responses/quarantine?code=range",
      );
      expect(items.map(({ path, message }) => [path, message])).toContainEqual(["score", "11 lies above 10"]);

      const page = await (await profile()).newPage();
      page.setDefaultTimeout(20_000);
      const errors: Error[] = [];
      page.on("pageerror", (error) => errors.push(error));
      onTestFinished(() => expect(errors).toEqual([]));
      await page.goto(customers.url);
      await page.locator("[data-customer=c-101]").click();
      const city = page.getByRole("dialog").getByRole("row", { name: /^City/ });
      await city.getByText("CRM 101, run 1").waitFor();
      await moveTo(customers, "ROSTOCK");
      await city.getByText("Rostock", { exact: true }).waitFor();
      await city.getByText(/CRM 101, run ([2-9]|\d\d)/).waitFor();
      await synced(customers);
      expect(await report(customers, CITY)).toEqual({
        city: "Rostock",
        given: "***",
        email: expect.stringMatching(/^[0-9a-f]{32}$/),
      });

      await page.getByRole("button", { name: "Close" }).click();
      await page.locator("[data-stream='typeform.responses']").getByRole("button", { name: "5 rows" }).click();
      await page.getByText("11 lies above 10").first().waitFor();
      mkdirSync(join(SHOTS, ".."), { recursive: true });
      for (const [name, width, height] of [
        ["phone", 390, 844],
        ["desk", 1280, 860],
      ] as const) {
        for (const colorScheme of ["light", "dark"] as const) {
          await page.setViewportSize({ width, height });
          await page.emulateMedia({ colorScheme });
          await page.screenshot({ path: `${SHOTS}${name}-${colorScheme}.png` });
        }
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
      }
    },
    180_000,
  );

  test("[D12] every command of the example's README does and prints what it says", async () => {
    const customers = await example(join(folderOf(), "data"), ["--every", "1m"]);
    await filled(customers);
    await synced(customers);
    for (const { code, output, line } of snippetsOf(readFileSync(join(root, README), "utf8"))) {
      const text = code.replaceAll("http://127.0.0.1:4850", customers.url);
      const ran = await shell(text, customers.env);
      expect([line, ran.status], ran.stderr).toEqual([line, 0]);
      if (output !== null && !shows(output, ran.stdout)) expect(ran.stdout).toBe(output);
    }
  }, 180_000);

  test("[I1 I8 X1] killed in the middle of its first runs and started again, nothing is lost and nothing is there twice", async () => {
    const data = join(folderOf(), "data");
    const first = await example(data, ["--down", "0"]);
    for (;;) {
      const { revision } = await ask<{ revision: number }>(first.url, "");
      if (revision >= 2) break;
    }
    await first.stop("SIGKILL");
    const second = await example(data);
    await filled(second);
    expect(await taken(second)).toEqual(TAKEN);
    await moveTo(second, "Timbuktu");
    await second.stop("SIGKILL");

    const third = await example(data);
    while (!(await pulled(third)).includes("Timbuktu")) await systemClock.sleep(100);
    await synced(third);
    expect(await report(third, "SELECT count(*)::INT AS n FROM customers WHERE city = 'Timbuktu'")).toEqual({ n: 1 });
    expect(await taken(third)).toEqual(TAKEN);
    const compared = await run(["warehouse", "verify", "reports", ...CONFIG], { env: third.env });
    expect(compared.stdout).toContain("holds what the space holds");
    const ingested = await run(["ingest", "verify", "--server", third.url]);
    expect(ingested.stdout.match(/0 missing here, 0 gone there, 0 different/g)).toHaveLength(4);
    const audited = await run(["audit", third.url, "--space", "main"]);
    expect(audited.code).toBe(0);
    const { code } = await third.stop();
    expect(code).toBe(0);
  }, 240_000);
});
