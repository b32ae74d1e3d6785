// The file by which a scope's copy is carried where no line would (S8): a header, the lines of the pull, and a checksum.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Line } from "../wire/lines.ts";
import { ask, failureInLine, linesOf, type Space } from "./api.ts";
import { Failure } from "./failure.ts";

const FORMAT = "tidemark-copy";
const VERSION = 1;

export interface CopyFile {
  readonly space: string;
  readonly scope: string;
  readonly revision: number;
  lines(): AsyncIterable<string>;
}

interface Header {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly space: string;
  readonly scope: string;
}

/**
 * Writes a copy of a scope into a file, which has its name only when it is whole. Broken off, it goes on behind its last
 * mark when it is asked for again.
 */
export async function exportCopy(
  space: Space,
  scope: string,
  path: string,
): Promise<{ records: number; revision: number }> {
  const part = `${path}.part`;
  const header = JSON.stringify({ format: FORMAT, version: VERSION, space: space.name, scope } satisfies Header);
  const begun = await begunIn(part, header);
  const file = await open(part, begun === null ? "w" : "r+");
  try {
    if (begun === null) await file.write(`${header}\n`);
    else await file.truncate(begun.length);
    let at = begun?.length ?? Buffer.byteLength(header) + 1;
    const append = async (text: string) => {
      at += (await file.write(`${text}\n`, at)).bytesWritten;
    };
    const subscription = { scope, cursor: begun?.cursor ?? null };
    let end: Line | undefined;
    for await (const text of linesOf(space, await ask(space, "/pull", { subscriptions: [subscription] }))) {
      if (begun !== null && text.startsWith('{"op":"begin"')) continue;
      if (/^\{"op":"(end|error)"/.test(text)) end = JSON.parse(text) as Line;
      const failure = end === undefined ? null : failureInLine(space, end);
      if (failure !== null) throw failure;
      await append(text);
    }
    if (end?.op !== "end") throw new Failure(`${space.place} broke off before the end: export again, and it goes on.`);
    await append(JSON.stringify({ sha256: await digestOf(part, at) }));
    await file.sync();
    await rename(part, path);
    return { records: end.subscriptions[scope]?.count ?? 0, revision: end.revision };
  } finally {
    await file.close();
  }
}

/** What an earlier attempt wrote up to its last mark; null: nothing that could be gone on with. */
async function begunIn(part: string, header: string): Promise<{ length: number; cursor: string } | null> {
  if ((await stat(part).catch(() => null)) === null) return null;
  let length = 0;
  let marked: { length: number; cursor: string } | null = null;
  for await (const text of linesIn(part)) {
    if (length === 0 && text !== header) return null;
    length += Buffer.byteLength(text) + 1;
    if (!text.startsWith('{"op":"mark"')) continue;
    try {
      marked = { length, cursor: (JSON.parse(text) as { cursor: string }).cursor };
    } catch {
      // The line that was being written when it broke off.
      return marked;
    }
  }
  return marked;
}

/** Opens what `exportCopy` wrote; throws Failure where a byte is not as it was written. */
export async function openCopy(path: string): Promise<CopyFile> {
  const broken = (why: string) => new Failure(`${path} is not a whole copy: ${why}. Export it again.`);
  let header: Header | null = null;
  let revision: number | null = null;
  let last = "";
  let size = 0;
  for await (const text of linesIn(path)) {
    if (header === null) {
      header = parsed<Header>(text);
      if (header?.format !== FORMAT) throw broken("it does not begin as one");
      if (header.version !== VERSION)
        throw broken(`its version is ${header.version}, and this program reads ${VERSION}`);
    }
    if (text.startsWith('{"op":"end"')) revision = parsed<{ revision: number }>(text)?.revision ?? null;
    size += last === "" ? 0 : Buffer.byteLength(last) + 1;
    last = text;
  }
  if (header === null || revision === null) throw broken("its end is missing");
  if (parsed<{ sha256: string }>(last)?.sha256 !== (await digestOf(path, size)))
    throw broken("its checksum does not fit");
  return {
    space: header.space,
    scope: header.scope,
    revision,
    async *lines() {
      for await (const text of linesIn(path)) if (text.startsWith('{"op":')) yield text;
    },
  };
}

function parsed<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}

function linesIn(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}

/** Of its first bytes. */
async function digestOf(path: string, bytes: number): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { end: bytes - 1 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
