import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { agree, noticed, pairOn, recordsOf } from "../support/pair.ts";
import { withSchema } from "../support/postgres.ts";
import { type InstalledPostgres, installedPostgres } from "../support/postgres-installed.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { skipUnless } from "../support/skip.ts";

const installed = installedPostgres();

/** A dump is made by the tools of the server's own version. */
skipUnless(installed, "needs PostgreSQL's own tools")(
  "[R2 R7 R9] a dump that is put back into the database while servers and clients go on: they notice, and what was lost since comes back",
  async () => {
    const { bin } = installed as InstalledPostgres;
    const postgres = await PostgresServer.start(["-c", "fsync=off"], installed);
    onTestFinished(() => postgres.end());
    const tool = (name: string, ...args: string[]) => execFileSync(join(bin, name), args);
    const dump = join(postgres.folder, "dump");
    const pair = await pairOn(withSchema(postgres.url, "sync"));
    const { ann, bob } = pair;
    await ann.mutate((tx) => tx.insert("items", { id: "kept", n: 1 })).settled;
    await bob.sync();
    tool("pg_dump", "--format=custom", "--schema=sync", `--file=${dump}`, postgres.url);
    await ann.mutate((tx) => tx.insert("items", { id: "lost" })).settled;
    await bob.mutate((tx) => tx.update("items", "kept", { n: 2 })).settled;
    await Promise.all([ann.sync(), bob.sync()]);
    expect(await recordsOf(ann)).toEqual([{ id: "kept", n: 2 }, { id: "lost" }]);

    tool("pg_restore", "--clean", "--if-exists", "--single-transaction", `--dbname=${postgres.url}`, dump);
    await noticed(pair);
    await agree(pair, [{ id: "kept", n: 2 }, { id: "lost" }]);
    const recovered = { reason: "diverged", common: 1, policy: "heal", offered: 1 };
    for (const { told } of [ann, bob]) expect(told).toEqual([{ event: "recovered", value: recovered }]);
  },
);
