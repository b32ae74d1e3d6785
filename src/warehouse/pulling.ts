import { TransportError } from "../client/errors.ts";
import type { Received } from "../client/ndjson.ts";
import { problemOf } from "../client/transport.ts";
import type { Revision } from "../model/record.ts";
import type { EndLine } from "../wire/lines.ts";
import { Problem } from "../wire/problem.ts";
import type { SubscriptionRequest } from "../wire/pull.ts";
import { Damage, Loader } from "./loader.ts";
import { presentWhere } from "./shape.ts";
import { WarehouseError } from "./sink.ts";
import type { Build, Table } from "./state.ts";
import { Pausing, type TableSet } from "./tables.ts";
import type { Work } from "./work.ts";

const DAMAGED = "damaged";

/** The server gives a copy where a delta was asked for. */
class Copied extends Error {
  override name = "Copied";
}

/** Brings `current` and `append` to the head. */
export async function pullAll(work: Work): Promise<void> {
  for (;;) {
    const { build, cursor } = work.state;
    try {
      if (build?.ready === true) await work.swap(build);
      else if (build !== null) await pullCopy(work, build);
      else if (cursor === null) await work.rebuild({ collections: null, from: "copy", reason: "new", keep: true });
      else return await pullDelta(work, cursor);
    } catch (error) {
      await work.session.rollback();
      if (error instanceof Pausing) await pause(work, error);
      else if (error instanceof Damage) await renew(work, [error.collection], DAMAGED);
      else if (error instanceof Copied) await renew(work, null, error.message);
      else await work.source.again(error);
    }
  }
}

async function renew(work: Work, collections: readonly string[] | null, reason: string): Promise<void> {
  if (reason === DAMAGED && work.rebuilt.includes(DAMAGED))
    throw new WarehouseError(
      "foreign",
      "the warehouse does not hold what the server counts, also after it was copied anew",
    );
  await work.rebuild({ collections, from: "copy", reason, keep: true });
}

/** The table stays as it was before the delta; the others go on without it (X6). */
export async function pause(work: Work, { collection, pause: paused }: Pausing): Promise<void> {
  const table = work.state.tables[collection] as Table;
  await work.commit({ tables: { ...work.state.tables, [collection]: { ...table, paused } } });
}

/** A new generation, in pages; what was committed of it is not asked for again. */
export async function pullCopy(work: Work, begun: Build): Promise<void> {
  const collections = begun.collections ?? work.collections;
  const request: SubscriptionRequest = {
    scope: work.scope,
    key: "copy",
    cursor: begun.cursor,
    ...(collections !== null && { collections }),
  };
  let build = begun;
  let next = work.next(build.tables);
  let loader: Loader | null = null;
  let kept = 0;
  const end = await eachLine(work, [request], async ({ line, text }, head) => {
    if (line.op === "subscription") {
      if (line.mode !== "copy") throw new TransportError("foreign", "the server does not go on with a copy");
      if (line.from === null) {
        await next.drop();
        next = work.next({});
        kept = 0;
        loader = loaderOf(work, next, collections, true);
      }
      loader ??= loaderOf(work, next, collections, false);
      return;
    }
    if (loader === null) throw new TransportError("foreign", "the answer does not say what it copies");
    if (line.op === "put" || line.op === "patch" || line.op === "remove") await loader.take(line, text);
    else if (line.op === "mark" && loader.taken - kept >= work.page.copy) {
      await loader.flush();
      work.taken += loader.taken - kept;
      kept = loader.taken;
      build = { ...build, cursor: line.cursor, tables: next.tables };
      await work.commit({ build });
      work.onProgress({ phase: "copy", taken: work.taken, revision: head });
    }
  });
  const last = loader as Loader | null;
  if (last === null) throw new TransportError("cut", "the answer left out the copy");
  await last.flush();
  work.taken += last.taken - kept;
  await endCopy(work, build, next, end);
}

async function endCopy(work: Work, build: Build, next: TableSet, { revision, subscriptions }: EndLine): Promise<void> {
  const cursor = subscriptions.copy?.cursor ?? build.cursor;
  await finishHistory(work, next, revision);
  const hash = work.mode === "history" ? await hashAt(work, revision) : null;
  await work.complete(build, next, { cursor, revision, hash });
  work.onProgress({ phase: "copy", taken: work.taken, revision });
}

/** The records of a copy are valid from its revision on, as far as is known. */
async function finishHistory(work: Work, next: TableSet, revision: Revision): Promise<void> {
  if (work.mode !== "history") return;
  const at = revision === 0 ? null : ((await work.source.journal(revision - 1))[0]?.at ?? null);
  for (const collection of Object.keys(next.tables)) {
    const fields = next.fields(collection).filter(({ name }) => name === "_valid_from" || name === "_from_at");
    await work.session.apply({
      do: "stamp",
      table: next.named(collection),
      fields,
      row: { _valid_from: revision, _from_at: at },
    });
  }
}

async function hashAt(work: Work, revision: Revision): Promise<string | null> {
  return revision === 0 ? null : ((await work.source.journal(revision - 1))[0]?.hash ?? null);
}

/** All that has changed since, in one transaction. */
async function pullDelta(work: Work, cursor: string): Promise<void> {
  const shown = work.shown();
  const loader = loaderOf(work, shown, work.collections, false, false);
  const end = await eachLine(work, [mainRequest(work, cursor)], (received) => takeDelta(loader, received));
  await loader.flush();
  work.taken += loader.taken;
  await compareCount(work, shown, end);
  await work.commit({
    tables: shown.tables,
    cursor: end.subscriptions.main?.cursor ?? cursor,
    revision: end.revision,
    syncedAt: work.now,
  });
  work.onProgress({ phase: "delta", taken: work.taken, revision: end.revision });
}

export function mainRequest(work: Work, cursor: string): SubscriptionRequest {
  const { scope, collections } = work;
  return { scope, key: "main", cursor, ...(collections !== null && { collections }) };
}

export async function takeDelta(loader: Loader, { line, text }: Received): Promise<void> {
  if (line.op === "subscription" && line.mode === "copy") throw new Copied(line.reason);
  if (line.op === "put" || line.op === "patch" || line.op === "remove") await loader.take(line, text);
}

/** What the server counts and what is held: where they differ, something happened to the warehouse (P9). */
async function compareCount(work: Work, shown: TableSet, end: EndLine): Promise<void> {
  const told = end.subscriptions.main?.count;
  const tables = Object.entries(shown.tables);
  if (told === undefined || work.mode !== "current" || tables.some(([, { paused }]) => paused !== null)) return;
  let held = 0;
  for (const [collection] of tables) held += await work.session.count(shown.named(collection), presentWhere("current"));
  if (held !== told) throw new Copied(DAMAGED);
}

export function loaderOf(
  work: Work,
  tables: TableSet,
  collections: readonly string[] | null,
  beginning: boolean,
  copy = true,
): Loader {
  const { session, exporter, now, soft } = work;
  const onErase = () => work.erase();
  return new Loader({ session, exporter, tables, collections, now, soft, copy, onErase }, beginning);
}

/** Reads an answer to its end, line by line. */
export async function eachLine(
  work: Work,
  subscriptions: readonly SubscriptionRequest[],
  take: (received: Received, head: Revision) => Promise<void>,
): Promise<EndLine> {
  let head = 0;
  for await (const received of work.source.pull({ subscriptions })) {
    const { line } = received;
    switch (line.op) {
      case "begin":
        if (line.space !== work.state.space) throw new TransportError("foreign", "another space has answered");
        head = line.revision;
        break;
      case "error":
        throw problemOf(line.problem) ?? new TransportError("foreign", "the answer ended with an unknown error");
      case "revoked":
        throw new Problem("forbidden", `${work.scope} may not be read any more`);
      case "end":
        return line;
      case "subscription":
      case "put":
      case "patch":
      case "remove":
      case "mark":
        await take(received, head);
        break;
      default:
        throw new WarehouseError(
          "invalid",
          `the server speaks of "${line.op}", which this version does not know; update it`,
        );
    }
  }
  throw new TransportError("cut", "the answer broke off before its end");
}
