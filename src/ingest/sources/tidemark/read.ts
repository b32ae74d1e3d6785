import { TransportError } from "../../../client/errors.ts";
import { problemOf } from "../../../client/transport.ts";
import { keyOf, type RecordData } from "../../../model/record.ts";
import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import type { Line, PutLine, RemoveLine } from "../../../wire/lines.ts";
import { Problem } from "../../../wire/problem.ts";
import { type Page, type ReadContext, type SourceChange, SourceError, type SourceFailure } from "../../source.ts";
import type { Asked } from "./tidemark.ts";

/** Ranges of one question (A8). */
const RANGES = 1_000;

/** What has changed since the cursor, or all of it, in the pages that the server's marks make. */
export async function* read(asked: Asked, url: string, context: ReadContext): AsyncGenerator<Page> {
  if (context.window !== undefined)
    throw new SourceError("protocol", `${url}: a space has no windows; ask for a complete pass`);
  try {
    yield* pulled(asked, context);
  } catch (error) {
    throw failureOf(error, url, asked.space, context.now());
  }
}

async function* pulled(asked: Asked, { cursor, signal }: ReadContext): AsyncGenerator<Page> {
  const { transport, subscription, collection, space } = asked;
  const before = cursorOf(cursor);
  const request = { ...subscription, key: "main", cursor: before };
  let changes: SourceChange[] = [];
  let pass = false;
  let begins = false;
  // A patch tells of some atoms only: such records are asked for whole at the end, when that costs nothing else.
  const patched = new Set<string>();
  // Up to here all that was told is given.
  let given = before;
  const page = (last?: Page["last"]): Page => {
    const at = given === null ? null : { cursor: given };
    const done: Page = { changes, cursor: at, ...(begins && { begins }), ...(last && { last }) };
    begins = false;
    changes = [];
    return done;
  };
  // Who waits gets no pages of a cache (P17): those are of an earlier revision, and would show again what was deleted since.
  for await (const { line } of transport.pull({ subscriptions: [request], wait: 0 }, signal)) {
    switch (line.op) {
      case "begin":
        if (line.space !== space) throw new TransportError("foreign", "another space has answered");
        break;
      case "subscription":
        pass = line.mode === "copy";
        if (line.mode === "copy" && line.from === null) {
          begins = true;
          changes = [];
          patched.clear();
        }
        break;
      case "put":
      case "remove":
        if (line.collection === collection) changes.push(...changesOf(asked, line));
        break;
      case "patch":
        if (line.collection === collection) for (const { id } of line.records) patched.add(id);
        break;
      case "mark":
        if (patched.size === 0) given = line.cursor;
        if (changes.length > 0) yield page();
        break;
      case "end": {
        const end = line.subscriptions["main"]?.cursor ?? before;
        if (end === null) throw new TransportError("foreign", "the answer ends without a cursor");
        for await (const records of recordsOf(asked, [...patched], end, signal)) {
          changes.push(...changesOf(asked, { op: "put", at: line.revision, records }));
          yield page();
        }
        given = end;
        return yield page(pass ? "complete" : "caught-up");
      }
      default:
        throw refusalIn(line);
    }
  }
  throw new TransportError("cut", "the answer broke off before its end");
}

function changesOf(
  { space, collection }: Asked,
  line: Pick<PutLine, "op" | "at" | "records"> | RemoveLine,
): SourceChange[] {
  const at = (id: string) => `${space}:${collection}/${id}@${line.at}`;
  if (line.op === "remove") return line.ids.map((id) => ({ op: "delete", key: [id], position: at(id) }));
  return line.records.map((record) => {
    return { op: "put", key: [record.id], value: record as JsonObject, position: at(record.id) };
  });
}

/** Records as they are, by the ranges of their keys (V1). Of those that are gone by now the next answer tells. */
async function* recordsOf(
  { transport, subscription, collection }: Asked,
  ids: readonly string[],
  cursor: string,
  signal: AbortSignal,
): AsyncGenerator<RecordData[]> {
  for (let i = 0; i < ids.length; i += RANGES) {
    const keys = ids.slice(i, i + RANGES).map((id) => keyOf(collection, id));
    const ranges = keys.map((from) => ({ from, to: `${from}\u0000` }));
    const request = { subscription: { ...subscription, key: "main", cursor }, ranges, fanout: 2, leaf: 1 };
    const found: RecordData[] = [];
    let isWhole = false;
    for await (const { line } of transport.verify(request, signal)) {
      if (line.op === "range") found.push(...(line.records ?? []).map(([, record]) => record));
      else if (line.op === "error" || line.op === "revoked") throw refusalIn(line);
      else if (line.op === "end") isWhole = true;
    }
    if (!isWhole) throw new TransportError("cut", "the answer broke off before its end");
    yield found;
  }
}

function refusalIn(line: Line): Error {
  if (line.op === "error")
    return problemOf(line.problem) ?? new TransportError("foreign", "the answer ended with an unknown error");
  if (line.op === "revoked") return new Problem("forbidden", "it may not be read any more");
  return new TransportError(
    "foreign",
    `the server speaks of "${line.op}", which this version does not know; update it`,
  );
}

function cursorOf(cursor: Json): string | null {
  const { cursor: text } = (isObject(cursor) ? cursor : {}) as { cursor?: Json };
  return typeof text === "string" ? text : null;
}

const FAILURES: { readonly [code: string]: SourceFailure } = {
  unauthenticated: "denied",
  forbidden: "denied",
  "rate-limited": "busy",
  unavailable: "busy",
};

/** - `now`: unix milliseconds, from which a server that is busy counts. */
export function failureOf(error: unknown, url: string, space: string, now: number): unknown {
  const where = `the space ${space} at ${url}`;
  if (error instanceof Problem) {
    const { code, message, extras } = error;
    const retryAt = extras.retryAfter === undefined ? null : now + extras.retryAfter * 1_000;
    return new SourceError(FAILURES[code] ?? "protocol", `${where} says ${code}: ${message}`, {
      cause: error,
      retryAt,
    });
  }
  if (!(error instanceof TransportError)) return error;
  return new SourceError(error.failure === "foreign" ? "protocol" : "unreachable", `${where}: ${error.message}`, {
    cause: error,
  });
}
