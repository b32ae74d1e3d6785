import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { StoreError } from "../../src/store/store.ts";
import { failureOf } from "../../src/testing/store-trial.ts";
import { withSchema } from "../support/postgres.ts";
import { PostgresServer } from "../support/postgres-server.ts";

const AT = "postgres://postgres:s3cret-of-the-test@";

/** Hosts that end each connection at once, and how many there were. */
async function hostsThatRefuse(count: number) {
  const seen = Array<number>(count).fill(0);
  const hosts: string[] = [];
  for (const i of seen.keys()) {
    const server = createServer((socket) => {
      seen[i] = (seen[i] as number) + 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    hosts.push(`127.0.0.1:${(server.address() as { port: number }).port}`);
  }
  return { hosts, seen };
}

test("[R8 R5] of several hosts none of which answers each is tried twice, and then it is said", async () => {
  const { hosts, seen } = await hostsThatRefuse(2);
  const failure = await failureOf(openPostgresStore({ url: `${AT}${hosts}/postgres` }));
  expect(failure).toBeInstanceOf(StoreError);
  expect((failure as Error).message).toContain(`PostgreSQL at ${hosts}/postgres`);
  expect(seen).toEqual([2, 2]);
});

test("[R8 R5] of several hosts the one that takes writes is used, whichever stands first; a standby alone is called one", async () => {
  const primary = await PostgresServer.start(["-c", "fsync=off"]);
  onTestFinished(() => primary.end());
  const standby = await primary.standby(primary.url);
  onTestFinished(() => standby.end());
  const { hosts } = await hostsThatRefuse(1);
  const [down, ...both] = [...hosts, `127.0.0.1:${standby.port}`, `127.0.0.1:${primary.port}`];
  for (const asked of ["", "?target_session_attrs=read-write", "?target_session_attrs=primary"]) {
    const store = await openPostgresStore({ url: withSchema(`${AT}${[down, ...both]}/postgres${asked}`, "hosts") });
    onTestFinished(() => store.close());
    expect(await store.head("acme")).toBeNull();
  }
  const alone = openPostgresStore({ url: `${AT}${both[0]}/postgres?target_session_attrs=read-write` });
  expect(String(await failureOf(alone))).toMatch(/127\.0\.0\.1:\d+ is a standby/);
});
