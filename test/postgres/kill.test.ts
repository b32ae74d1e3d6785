import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { describe, expect, onTestFinished, test } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { checkWhole, killedAfter, WRITER } from "../store/killed.ts";
import { schemaUrl, withSchema } from "../support/postgres.ts";
import { PostgresServer } from "../support/postgres-server.ts";

const ROUNDS = process.env["TIDEMARK_LONG"] ? 200 : 3;
const CRASHES = process.env["TIDEMARK_LONG"] ? 30 : 2;

describe("a server's process that is killed while it writes", () => {
  test(`[W8 R4] loses nothing that it acknowledged, and keeps no lock, in ${ROUNDS} kills`, async () => {
    const url = await schemaUrl();
    const random = seededRandom("kill");
    const acknowledged = new Map<number, string>();
    const store = await openPostgresStore({ url });
    for (let round = 0; round < ROUNDS; round++) {
      for (const one of await killedAfter(url, `${round}`, random.between(1, 25))) acknowledged.set(...one);
      await checkWhole(store, Math.max(...acknowledged.keys()), acknowledged);
    }
    await store.close();
  }, 600_000);
});

describe("PostgreSQL itself", () => {
  test(`[W8 R5] killed or stopped under load loses nothing that was acknowledged, and work goes on, ${CRASHES} times`, async () => {
    const server = await PostgresServer.start();
    onTestFinished(() => server.end());
    const url = withSchema(server.url, "crash");
    const store = await openPostgresStore({ url });
    const acknowledged = new Map<number, string>();
    const writer = spawn(process.execPath, [WRITER, url, "crash"], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void writer.kill("SIGKILL"));
    let tell = () => undefined as void;
    createInterface({ input: writer.stdout }).on("line", (line) => {
      const [revision, hash] = line.split(" ");
      if (line.startsWith("{")) expect(line).toMatch(/PostgreSQL at 127\.0\.0\.1:\d+\/postgres/);
      else acknowledged.set(Number(revision), String(hash));
      tell();
    });
    const more = (count: number) => {
      const enough = acknowledged.size + count;
      return new Promise<void>((resolve) => {
        tell = () => {
          if (acknowledged.size >= enough) resolve();
        };
      });
    };
    for (let crash = 0; crash < CRASHES; crash++) {
      await more(30);
      if (crash % 2 === 0) await server.kill();
      else await server.stop();
      await server.start();
      await more(10);
      const until = new Map(acknowledged);
      await checkWhole(store, Math.max(...until.keys()), until);
    }
    await store.close();
  }, 600_000);
});
