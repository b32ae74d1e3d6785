import { nameFlaw } from "../../model/names.ts";
import type { Config } from "../../server/index.ts";
import { systemClock } from "../../util/clock.ts";
import type { Space } from "../api.ts";
import { command, type Environment, SPACE_ARGS } from "../command.ts";
import { loadConfig } from "../config.ts";
import { misuse } from "../failure.ts";
import { importCopy } from "../import/copy.ts";
import { type Counts, Importer } from "../import/importer.ts";
import { type Format, openSource, type Source, unreadable } from "../import/read.ts";
import { type Candidate, recordOf } from "../import/record.ts";
import { isBad } from "../import/rows.ts";
import type { Output } from "../output.ts";
import { openWhere } from "../where.ts";

/** A transaction of an import: at most so many records, and about so many bytes. */
const RECORDS = 500;
const BYTES = 2_097_152;

export default command({
  name: "import",
  description: "Imports CSV, NDJSON or JSON; a second run changes nothing",
  lasts: true,
  args: {
    file: { type: "positional", required: true, description: "a file; - reads standard input" },
    where: { type: "positional", required: true, description: "a server's address, a data folder or postgres://…" },
    into: { type: "string", description: "the collection", valueHint: "COLLECTION" },
    link: {
      type: "string",
      description: "instead: the link whose first copy the file is (see export)",
      valueHint: "NAME",
    },
    id: { type: "string", description: "the column that is the id", valueHint: "COLUMN", default: "id" },
    format: { type: "enum", description: "where the file's name does not tell", options: ["csv", "ndjson", "json"] },
    delimiter: {
      type: "string",
      description: "between the columns of a CSV file; tab for a tabulator",
      valueHint: "CHAR",
    },
    parse: {
      type: "string",
      description: "CSV columns that hold JSON (numbers, true, lists); * takes as JSON whatever is JSON",
      valueHint: "COLUMNS",
    },
    config: { type: "string", description: "for a data folder, its configuration", valueHint: "FILE" },
    ...SPACE_ARGS,
  },
  async run({ args, env, out, stop }) {
    const { into, link } = args;
    if (link !== undefined) {
      if (into !== undefined)
        throw misuse("--link and --into exclude each other: a copy holds its collections' names.");
      return await importCopy({ ...args, link }, env, out);
    }
    if (into === undefined) throw misuse("tidemark import needs --into COLLECTION, or --link NAME for a copy.");
    const flaw = nameFlaw(into);
    if (flaw !== null) throw misuse(`--into ${JSON.stringify(into)}: ${flaw}.`);
    const source = await openSource(args.file, {
      format: args.format as Format | undefined,
      delimiter: delimiterOf(args.delimiter),
      parsed: args.parse === "*" ? "all" : new Set(args.parse?.split(",") ?? []),
      header: (columns) => checkHeader(args.file, columns, args.id),
    });
    const { space, close } = await openWhere(args.where, args, env, () => configFor(args.config, env, out));
    try {
      return await importInto(space, source, { file: args.file, collection: into, id: args.id, out, stop });
    } finally {
      await close();
    }
  },
});

/** The configuration says which scopes a record is in: to write without it is worth a word. */
async function configFor(given: string | undefined, env: Environment, out: Output): Promise<Config> {
  const { config, path } = await loadConfig(given, env);
  if (path === null)
    out.note("There is no tidemark.config.ts here: new records come into no scope but * (see --config).");
  return config;
}

interface Job {
  readonly file: string;
  readonly collection: string;
  readonly id: string;
  readonly out: Output;
  readonly stop: AbortSignal;
}

async function importInto(space: Space, source: Source, { file, collection, id, out, stop }: Job): Promise<number> {
  const importer = new Importer(space, collection, systemClock, ({ line, reason }) => {
    out.note(`${file}:${line}: ${reason}`);
  });
  const progress = out.progress(`import ${collection}`, source.size, "bytes");
  const batch = new Batch(async (rows) => {
    await importer.write(rows);
    progress.update(source.read(), tally(importer.counts));
  });
  let failure: unknown;
  try {
    await importer.begin();
    for await (const row of source.rows) {
      if (stop.aborted) break;
      const candidate = isBad(row) ? row : recordOf(row, id);
      if (isBad(candidate)) importer.refuse(candidate);
      else await batch.add(candidate);
    }
    await batch.flush();
  } catch (error) {
    failure = unreadable(file, error);
  } finally {
    progress.stop();
  }
  const { counts } = importer;
  const complete = failure === undefined && !stop.aborted;
  out.result(`${tally(counts)} in ${collection}`, { ...counts, complete });
  if (failure !== undefined) throw failure;
  if (stop.aborted) out.note("Stopped before the end: run it again to go on.");
  return stop.aborted || counts.refused > 0 ? 1 : 0;
}

/** Rows that are written together: never two of one id, since the later one must come later. */
class Batch {
  readonly #write: (rows: readonly Candidate[]) => Promise<void>;
  #rows = new Map<string, Candidate>();
  #bytes = 0;

  constructor(write: (rows: readonly Candidate[]) => Promise<void>) {
    this.#write = write;
  }

  async add(row: Candidate): Promise<void> {
    const bytes = JSON.stringify(row.record).length;
    const full = this.#rows.size === RECORDS || this.#bytes + bytes > BYTES;
    if (full || this.#rows.has(row.record.id)) await this.flush();
    this.#rows.set(row.record.id, row);
    this.#bytes += bytes;
  }

  async flush(): Promise<void> {
    const rows = [...this.#rows.values()];
    this.#rows = new Map();
    this.#bytes = 0;
    if (rows.length > 0) await this.#write(rows);
  }
}

function tally({ inserted, changed, unchanged, refused, superseded }: Counts): string {
  const text = `${inserted} inserted, ${changed} changed, ${unchanged} unchanged, ${refused} refused`;
  return superseded === 0 ? text : `${text}, ${superseded} superseded by somebody's newer values`;
}

function delimiterOf(text: string | undefined): string | undefined {
  return text === "tab" || text === "\\t" ? "\t" : text;
}

function checkHeader(file: string, columns: readonly string[], id: string): void {
  if (!columns.includes(id)) {
    throw misuse(
      `${file} has no column ${id}: name the one that is the id with --id. There are: ${columns.join(", ")}.`,
    );
  }
  for (const [i, column] of columns.entries()) {
    if (columns.indexOf(column) !== i) throw misuse(`${file} has two columns ${column}: rename one.`);
    const flaw = column === id ? null : nameFlaw(column);
    if (flaw !== null) throw misuse(`${file}: the column ${JSON.stringify(column)} must be renamed: ${flaw}.`);
  }
}
