// Three servers as processes, each following the one above, killed with -9 again and again (R4, S4).
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { seededRandom } from "../../src/testing/random.ts";
import { freePort, type Running, serve } from "../cli/program.ts";
import { folderOf } from "../support/folder.ts";

const ROUNDS = process.env["TIDEMARK_LONG"] ? 40 : 4;

test(`[S4] [R4] three servers as processes come to the same after ${ROUNDS} kills, and no write is lost`, async () => {
  const random = seededRandom("processes");
  const ports = [await freePort(), await freePort(), await freePort()];
  const folders = ports.map((_, i) => {
    const folder = join(folderOf(), "server");
    mkdirSync(folder);
    const up = { url: `http://127.0.0.1:${ports[i - 1]}`, direction: "both" };
    const config = { links: i === 0 ? {} : { main: { up } } };
    writeFileSync(join(folder, "tidemark.config.ts"), `export default ${JSON.stringify(config)};`);
    return folder;
  });
  const start = (i: number) => serve(folders[i] as string, ["--port", String(ports[i])]);
  const servers: Running[] = [];
  for (const i of [0, 1, 2]) servers.push(await start(i));
  const written: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const i of [0, 1, 2]) {
      for (let n = 0; n < 10; n++) {
        const id = `${round}-${i}-${n}`;
        await push(ports[i] as number, id);
        written.push(id);
      }
    }
    const victim = random.below(3);
    await servers[victim]?.stop("SIGKILL");
    servers[victim] = await start(victim);
  }
  const heads = () => Promise.all(ports.map(digestOf));
  let digests = await heads();
  while (digests.some(({ count }) => count < written.length) || new Set(digests.map(({ digest }) => digest)).size > 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    digests = await heads();
  }
  expect(digests.map(({ count }) => count)).toEqual([written.length, written.length, written.length]);
}, 120_000);

async function push(port: number, id: string): Promise<void> {
  const mutation = { id: 1, base: 0, writes: [{ op: "insert", collection: "things", record: { id } }] };
  const response = await fetch(`http://127.0.0.1:${port}/v1/spaces/main/push`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client: id, mutations: [mutation] }),
  });
  expect(await response.json()).toMatchObject({ outcomes: [{ status: "applied" }] });
}

async function digestOf(port: number): Promise<{ count: number; digest: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/spaces/main?scope=*`);
  const { scopes } = (await response.json()) as { scopes?: { "*": { count: number; digest: string } } };
  return scopes?.["*"] ?? { count: 0, digest: "" };
}
