import { expect, onTestFinished, test } from "vitest";
import type { Config } from "../../src/server/index.ts";
import { agree, noticed, pairOn, recordsOf } from "../support/pair.ts";
import { statement, withSchema } from "../support/postgres.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { Proxy } from "../support/proxy.ts";

const LOST = { id: "lost", n: 1 };

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

/** From now on a commit waits until the standby has it. */
async function confirmed(primary: PostgresServer): Promise<void> {
  await statement(primary.url, "ALTER SYSTEM SET synchronous_standby_names = 'standby'");
  await statement(primary.url, "SELECT pg_reload_conf()");
  const state = async () => await statement(primary.url, "SELECT sync_state FROM pg_stat_replication");
  await expect.poll(state).toEqual([{ sync_state: "sync" }]);
}

/** The sessions whose commits wait for the standby. */
async function waitingFor(primary: PostgresServer): Promise<number[]> {
  const waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'tidemark'";
  return (await statement<{ pid: number }>(primary.url, waiting)).map(({ pid }) => pid);
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
  await ann.mutate((tx) => tx.insert("items", LOST)).settled;
  await bob.mutate((tx) => tx.update("items", "kept", { n: 2 })).settled;
  await Promise.all([ann.sync(), bob.sync()]);
  expect(await recordsOf(ann)).toEqual([{ id: "kept", n: 2 }, LOST]);
  await primary.kill();
  await ann.mutate((tx) => tx.insert("items", { id: "pending" })).local;
  await statement(standby.url, "SELECT pg_promote()");
  return pair;
}

test("[R2 R7 R5 R9] a failover to a standby that lacked the last commits: what was acknowledged and lost comes back, by itself", async () => {
  const pair = await bereft({});
  await noticed(pair);
  await agree(pair, [{ id: "kept", n: 2 }, LOST, { id: "pending" }]);
  const recovered = { reason: "diverged", common: 1, policy: "heal", offered: 1 };
  for (const { told } of [pair.ann, pair.bob]) expect(told).toEqual([{ event: "recovered", value: recovered }]);
});

test("[R2 R7 R5 R9] where the configuration says discard, the application is told what the failover has lost", async () => {
  const pair = await bereft({ restore: "discard" });
  await noticed(pair);
  await agree(pair, [{ id: "kept", n: 1 }, { id: "pending" }]);
  const lost = [pair.ann, pair.bob].map(({ told }) => told.find(({ event }) => event === "lost")?.value);
  const settled = { outcome: { status: "applied" } };
  expect(lost).toMatchObject([
    { mutations: [{ ...settled, mutation: { writes: [{ op: "insert", record: { id: "lost" } }] } }] },
    { mutations: [{ ...settled, mutation: { writes: [{ op: "update", record: { id: "kept", n: 2 } }] } }] },
  ]);
});

test("[R2 R6 R8 W8] with a synchronous standby nothing is acknowledged that it lacks, whatever becomes of the primary, and so nothing is lost", async () => {
  const { primary, network, standby } = await replicated();
  const pair = await pairOn(bothOf(primary, standby));
  const { ann, bob } = pair;
  await confirmed(primary);
  await ann.mutate((tx) => tx.insert("items", { id: "kept", n: 1 })).settled;
  network.stand();
  let settled = false;
  const late = ann
    .mutate((tx) => tx.insert("items", { id: "late" }))
    .settled.then(() => {
      settled = true;
    });
  const seen = new Set<number>();
  const waits = () =>
    expect
      .poll(async () => {
        expect(settled).toBe(false);
        return (await waitingFor(primary)).find((pid) => !seen.has(pid));
      })
      .toBeGreaterThan(0);
  await waits();
  for (const pid of await waitingFor(primary)) {
    seen.add(pid);
    // PostgreSQL then says that it has committed, with a warning that the standby may not have it.
    await statement(primary.url, `SELECT pg_cancel_backend(${pid})`);
  }
  await waits();
  // After a crash the commit is there for all to see, and the standby still lacks it.
  await primary.kill();
  seen.clear();
  await primary.start();
  await waits();
  await primary.kill();
  await statement(standby.url, "SELECT pg_promote()");
  await late;
  await agree(pair, [{ id: "kept", n: 1 }, { id: "late" }]);
  // They may have seen it meanwhile, and been told then that it was gone; but nothing was that had been acknowledged.
  const seenToo = { event: "recovered", value: expect.objectContaining({ reason: "diverged", offered: 0 }) };
  for (const { told } of [ann, bob]) for (const each of told) expect(each).toEqual(seenToo);
});
