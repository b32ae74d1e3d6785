import { expect, onTestFinished, test } from "vitest";
import type { Config } from "../../src/server/index.ts";
import { agree, idsOf, pairOn } from "../support/pair.ts";
import { statement, withSchema } from "../support/postgres.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { Proxy } from "../support/proxy.ts";

/** A primary and the standby that follows it, over a network that can stand still. */
async function replicated() {
  const primary = await PostgresServer.start();
  onTestFinished(() => primary.end());
  const network = await Proxy.to(primary.url);
  onTestFinished(() => network.close());
  const standby = await primary.standby(network.url(primary.url));
  onTestFinished(() => standby.end());
  await expect.poll(() => sent(primary)).not.toBeNull();
  return { primary, network, standby };
}

/** How many bytes of its log the standby has not got; null where it does not follow. */
async function sent(primary: PostgresServer): Promise<number | null> {
  const [row] = await statement<{ behind: string }>(
    primary.url,
    "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS behind FROM pg_stat_replication",
  );
  return row === undefined ? null : Number(row.behind);
}

/** Both hosts, the primary first. */
function bothOf(primary: PostgresServer, standby: PostgresServer): string {
  const both = primary.url.replace(`:${primary.port}`, `:${primary.port},127.0.0.1:${standby.port}`);
  return withSchema(`${both}?target_session_attrs=read-write`, "failover");
}

/** Two servers on both hosts, with something acknowledged that the standby has, and something that it lacks. */
async function bereft(config: Config) {
  const { primary, network, standby } = await replicated();
  const pair = await pairOn(bothOf(primary, standby), config);
  const { ann, bob } = pair;
  await ann.mutate((tx) => tx.insert("items", { id: "kept", n: 1 })).settled;
  await bob.sync();
  await expect.poll(() => sent(primary)).toBe(0);
  network.stand();
  await ann.mutate((tx) => tx.insert("items", { id: "lost", n: 1 })).settled;
  await bob.mutate((tx) => tx.update("items", "kept", { n: 2 })).settled;
  await Promise.all([ann.sync(), bob.sync()]);
  expect(await idsOf(bob)).toEqual(["kept", "lost"]);
  await primary.kill();
  await ann.mutate((tx) => tx.insert("items", { id: "pending" })).local;
  await statement(standby.url, "SELECT pg_promote()");
  return pair;
}

test("[R2 R7 R5] a failover to a standby that lacked the last commits: what was acknowledged and lost comes back, by itself", async () => {
  const pair = await bereft({});
  await agree(pair, ["kept", "lost", "pending"]);
  expect(await pair.bob.get("items", "kept")).toEqual({ id: "kept", n: 2 });
});

test("[R2 R7 R5] where the configuration says discard, the application is told what the failover has lost", async () => {
  const pair = await bereft({ restore: "discard" });
  await agree(pair, ["kept", "pending"]);
});
