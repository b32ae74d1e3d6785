// How long after a user is deactivated at headquarters the branch closes that user's connection, while a copy of many records
// runs over the same link: each round tells how much of the copy was there before and after it. Run:
// npx node bench/lock-out.ts [records]
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLinks } from "tidemark/peer";
import { createServer, listen } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { createUsers } from "tidemark/users";
import { WebSocket } from "ws";

const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PASSWORD = "correct horse battery";
const ROUNDS = 10;

interface Told {
  readonly url: string;
  readonly code: string | null;
}

if (process.argv[2] === "serve") await served(JSON.parse(process.argv[3] as string));
else await measured(Number(process.argv[2] ?? 200_000));

async function served({ path, links }: { path: string; links?: object }): Promise<void> {
  const users = createUsers();
  const server = createServer({
    store: openSqliteStore({ path }),
    config: { users: true, limits: { rate: false }, ...(links && { links: links as never }) },
    identity: users,
    links: startLinks,
    secrets: { secretKey: KEY },
  });
  const { url } = await listen(server, { port: 0 });
  process.on("disconnect", () => process.exit(0));
  process.send?.({ url, code: await users.setupCode() } satisfies Told);
}

async function started(options: object) {
  const child = fork(import.meta.filename, ["serve", JSON.stringify(options)]);
  const [told] = (await once(child, "message")) as [Told];
  return { ...told, child };
}

async function ask<T>(url: string, path: string, body?: object, token?: string): Promise<T> {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const init = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  const response = await fetch(`${url}${path}`, init);
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return (await response.json()) as T;
}

async function founded(server: { url: string; code: string | null }, userName: string): Promise<string> {
  const body = { code: server.code, userName, password: PASSWORD };
  return (await ask<{ accessToken: string }>(server.url, "/v1/auth/setup", body)).accessToken;
}

async function measured(records: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-lock-out-"));
  const hq = await started({ path: join(folder, "hq") });
  const ann = await founded(hq, "ann");
  let number = 0;
  const push = (space: string, writes: object[], base = 0) =>
    ask(hq.url, `/v1/spaces/${space}/push`, { client: space, mutations: [{ id: ++number, base, writes }] }, ann);
  for (let at = 0; at < records; at += 1_000) {
    const writes = Array.from({ length: 1_000 }, (_, i) => {
      const record = { id: `r${at + i}`, title: `record ${at + i}`, text: "x".repeat(150), n: i };
      return { op: "insert", collection: "items", record };
    });
    await push("acme", writes);
  }
  number = 0;
  console.log(`${records} records are at headquarters`);
  const ids = Array.from({ length: ROUNDS }, (_, i) => `user${i}`);
  await push(
    "system",
    ids.map((id) => ({ op: "insert", collection: "users", record: { id, userName: id, active: true } })),
  );
  await ask(hq.url, "/v1/auth/credentials", { credentials: ids.map((user) => ({ user, password: PASSWORD })) }, ann);
  const { code } = await ask<{ code: string }>(hq.url, "/v1/links/invite", { space: "acme", users: "verifier" }, ann);
  const branch = await started({
    path: join(folder, "branch"),
    links: { acme: { hq: { url: hq.url, code, users: "verifier" } } },
  });
  const bea = await founded(branch, "bea");
  const copied = async () => {
    const { links } = await ask<{ links: { state: string; revision: number }[] }>(
      branch.url,
      "/v1/spaces/acme/links",
      undefined,
      bea,
    );
    return (links[0]?.revision ?? 0) > 0;
  };
  const there = async () => {
    const head = await ask<{ scopes?: { "*": { count: number } } }>(
      branch.url,
      "/v1/spaces/acme?scope=*",
      undefined,
      bea,
    );
    return head.scopes?.["*"].count ?? 0;
  };
  const began = performance.now();
  // A login that fails is counted as a guess: so nobody tries before the users have come.
  const users = () =>
    ask<{ scopes: { users: { count: number } } }>(branch.url, "/v1/spaces/system?scope=users", undefined, bea);
  while ((await users()).scopes.users.count < ROUNDS + 2) await new Promise((resolve) => setTimeout(resolve, 50));
  const sockets = new Map<string, WebSocket>();
  for (const id of ids) sockets.set(id, await connected(branch.url, id));
  const delays: number[] = [];
  let during = 0;
  for (const [i, id] of ids.entries()) {
    // The rounds are spread over the copy.
    while ((await there()) < (records * i) / (ROUNDS + 1)) await new Promise((resolve) => setTimeout(resolve, 100));
    const before = await there();
    const closed = once(sockets.get(id) as WebSocket, "close");
    const from = performance.now();
    await push("system", [{ op: "update", collection: "users", record: { id, active: false } }], 1);
    await closed;
    delays.push(performance.now() - from);
    const after = await there();
    const ended = await copied();
    if (!ended) during++;
    console.log(
      `${id}: ${delays[i]?.toFixed(0)} ms, ${before} to ${after} records${ended ? ": the copy had ended" : ""}`,
    );
  }
  delays.sort((a, b) => a - b);
  while (!(await copied())) await new Promise((resolve) => setTimeout(resolve, 250));
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(`a copy of ${records} records, ${seconds} s in all: under way in ${during} of ${ROUNDS} rounds`);
  console.log(
    `locked out after ${delays[ROUNDS / 2]?.toFixed(0)} ms (median), ${delays.at(-1)?.toFixed(0)} ms (longest of ${ROUNDS})`,
  );
  for (const { child } of [hq, branch]) child.disconnect();
  rmSync(folder, { recursive: true, force: true });
}

/** A live connection of a user, who has come over the link by now. */
async function connected(url: string, userName: string): Promise<WebSocket> {
  for (;;) {
    const login = await ask<{ accessToken: string }>(url, "/v1/auth/login", { userName, password: PASSWORD }).catch(
      () => null,
    );
    if (login === null) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      continue;
    }
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/spaces/acme/live`, {
      headers: { authorization: `Bearer ${login.accessToken}` },
    });
    await once(socket, "open");
    return socket;
  }
}
