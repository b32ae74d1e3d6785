import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { constants, createGunzip, createGzip, type Gzip, gzipSync } from "node:zlib";
import type { Clean } from "../clean/pipeline.ts";
import { nameOfKey, padded } from "../names.ts";
import type { Page, SourceChange } from "../source.ts";

/** Runs whose raw pages are kept beside the database. */
const KEPT = 5;
const ENDING = ".ndjson.gz";
/** Characters that are handed to the compressor at a time: each time costs a turn of a thread. */
const WRITE = 65_536;

/** A part of a page. */
export interface Part {
  readonly changes: readonly SourceChange[];
  /** Whether a complete pass begins with it. */
  readonly begins: boolean;
  /** What the page says of itself, with its last part; null before. */
  readonly end: Pick<Page, "cursor" | "last"> | null;
  /** What the pipeline made of each change, where that is at hand. */
  readonly cleans?: readonly (Clean | undefined)[];
}

type Line = { begins: true } | { change: SourceChange } | { end: NonNullable<Part["end"]> };

/**
 * The raw pages of a run, as the source gave them, in a file of its own: written and flushed before anything of them is
 * committed (I5). It is named by the run, so that a repeat overwrites it. Where the store has no folder it lies in a temporary one, and goes.
 */
export class Landing {
  readonly path: string;
  readonly #folder: string;
  readonly #temporary: boolean;
  readonly #zip: Gzip;
  readonly #file: WriteStream;
  readonly #done: Promise<void>;

  private constructor(folder: string, temporary: boolean, run: number) {
    this.#folder = folder;
    this.#temporary = temporary;
    this.path = join(folder, `${padded(run)}${ENDING}`);
    this.#zip = createGzip({ level: constants.Z_BEST_SPEED });
    this.#file = createWriteStream(this.path, { mode: 0o600, flush: true });
    this.#zip.pipe(this.#file);
    this.#done = finished(this.#file);
    // It is awaited at the end; until then a write says what is wrong.
    this.#done.catch(() => {});
  }

  static async open(folder: string | null, task: string, run: number): Promise<Landing> {
    const own = folder === null ? await mkdtemp(join(tmpdir(), "tidemark-ingest-")) : join(folder, "ingest", task);
    await mkdir(own, { recursive: true, mode: 0o700 });
    return new Landing(own, folder === null, run);
  }

  async append({ changes, cursor, last, begins }: Page): Promise<void> {
    let text = begins === true ? lineOf({ begins }) : "";
    for (const change of changes) {
      text += lineOf({ change });
      if (text.length < WRITE) continue;
      await this.#write(text);
      text = "";
    }
    await this.#write(text + lineOf({ end: { cursor, ...(last !== undefined && { last }) } }));
  }

  async #write(text: string): Promise<void> {
    if (this.#file.errored !== null) throw this.#file.errored;
    if (this.#zip.write(text)) return;
    await Promise.race([new Promise((resolve) => this.#zip.once("drain", resolve)), this.#done]);
  }

  /** All that was appended is on the disk when this resolves. */
  async seal(): Promise<void> {
    this.#zip.end();
    await this.#done;
  }

  /** What was appended, in parts of at most `most` changes. */
  async *parts(most: number): AsyncGenerator<Part> {
    let changes: SourceChange[] = [];
    let begins = false;
    for await (const line of this.#lines()) {
      if ("begins" in line) begins = true;
      if ("change" in line) changes.push(line.change);
      if (!("end" in line) && changes.length < most) continue;
      yield { changes, begins, end: "end" in line ? line.end : null };
      changes = [];
      begins = false;
    }
  }

  async *#lines(): AsyncGenerator<Line> {
    const file = createReadStream(this.path, { highWaterMark: WRITE });
    const unzip = createGunzip({ chunkSize: WRITE });
    file.on("error", (error) => unzip.destroy(error));
    let rest = "";
    try {
      for await (const chunk of file.pipe(unzip).setEncoding("utf8") as AsyncIterable<string>) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) yield JSON.parse(line) as Line;
      }
    } finally {
      file.destroy();
    }
  }

  /** Ends it: a temporary one goes, and so do those of old runs. */
  async close(): Promise<void> {
    this.#zip.destroy();
    this.#file.destroy();
    if (this.#temporary) return await rm(this.#folder, { recursive: true, force: true });
    const files = (await readdir(this.#folder)).filter((name) => name.endsWith(ENDING)).sort();
    for (const old of files.slice(0, -KEPT)) await rm(join(this.#folder, old), { force: true });
  }
}

function lineOf(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

/**
 * Takes source records, by the names under which they are kept, out of the raw pages of a stream's finished runs, and with them
 * what could not be read, since nobody can tell whose it is (K2).
 */
export async function withoutSources(folder: string, task: string, names: ReadonlySet<string>): Promise<void> {
  const own = join(folder, "ingest", task);
  const files = await readdir(own).catch(() => []);
  for (const name of files.filter((each) => each.endsWith(ENDING))) {
    const path = join(own, name);
    const lines: string[] = [];
    let removed = 0;
    const text = createReadStream(path).pipe(createGunzip());
    for await (const each of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
      const line = JSON.parse(each) as Line;
      if ("change" in line && (line.change.op === "broken" || names.has(nameOfKey(line.change.key)))) removed++;
      else lines.push(`${each}\n`);
    }
    if (removed === 0) continue;
    await writeFile(`${path}.part`, gzipSync(lines.join("")), { mode: 0o600, flush: true });
    await rename(`${path}.part`, path);
  }
}
