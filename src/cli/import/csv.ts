import { type CsvError, type InfoRecord, type Parser, parse } from "csv-parse";
import type { Json } from "../../util/json.ts";
import { type Row, UnreadableFile } from "./rows.ts";

export interface CsvOptions {
  readonly delimiter: string;
  /** Columns whose cells are JSON (numbers, true, lists …); "all": what is JSON is taken as JSON, the rest as text. */
  readonly parsed: ReadonlySet<string> | "all";
  /** Sees the header before the first row; throws where it will not do. */
  readonly header: (columns: readonly string[]) => void;
}

interface Parsed {
  readonly info: InfoRecord;
  readonly raw: string;
  readonly record: readonly string[];
}

/** The rows of a CSV file (RFC 4180) with a header row. An empty cell is an absent atom. */
export async function* csvRows(text: AsyncIterable<string>, options: CsvOptions): AsyncGenerator<Row> {
  const reader = new RowReader(options);
  const parser = parse({
    bom: true,
    delimiter: options.delimiter,
    info: true,
    raw: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_record: (item: unknown) => reader.take(item as Parsed),
    on_skip: (error) => reader.skip(error),
  });
  parser.resume();
  for await (const chunk of text) {
    await written(parser, chunk);
    yield* reader.rows.splice(0);
  }
  await written(parser, null);
  yield* reader.rows.splice(0);
  if (reader.columns === null) throw new UnreadableFile(1, "the file is empty, and a header row was expected");
}

/** Gives the parser a chunk, null for the end, and waits until it has been taken in. */
function written(parser: Parser, chunk: string | null): Promise<void> {
  return new Promise((resolve, reject) => {
    parser.once("error", reject);
    const done = () => {
      parser.off("error", reject);
      resolve();
    };
    if (chunk === null) parser.once("end", done).end();
    else parser.write(chunk, (error) => (error ? reject(error) : done()));
  });
}

class RowReader {
  readonly rows: Row[] = [];
  columns: readonly string[] | null = null;
  readonly #options: CsvOptions;
  /** csv-parse counts a CRLF within quotes as two lines. */
  #doubled = 0;
  /** The line of the last row that was skipped. */
  #bad = 0;

  constructor(options: CsvOptions) {
    this.#options = options;
  }

  take({ info, raw, record }: Parsed): null {
    const within = raw.trim();
    this.#doubled += within.match(/\r\n/g)?.length ?? 0;
    const line = info.lines - this.#doubled - (within.match(/\r\n|\r|\n/g)?.length ?? 0);
    if (this.columns !== null) this.rows.push(rowOf(this.columns, record, line, this.#options.parsed));
    else {
      this.columns = record.map((name) => name.trim());
      this.#options.header(this.columns);
    }
    return null;
  }

  skip(error: CsvError | undefined): undefined {
    const line = Number(error?.lines ?? 1) - this.#doubled;
    // Several things may be wrong in one row: it is still one row.
    if (line === this.#bad) return;
    this.#bad = line;
    this.rows.push({ line, reason: error?.message ?? "this is not CSV" });
  }
}

function rowOf(columns: readonly string[], cells: readonly string[], line: number, parsed: CsvOptions["parsed"]): Row {
  if (cells.length !== columns.length) {
    return { line, reason: `the header has ${columns.length} columns, and this row has ${cells.length}` };
  }
  const data: { [atom: string]: Json } = {};
  for (const [i, column] of columns.entries()) {
    const cell = cells[i] as string;
    if (cell === "") data[column] = null;
    else if (parsed !== "all" && !parsed.has(column)) data[column] = cell;
    else {
      const value = jsonOf(cell);
      const strict = parsed !== "all";
      if (value === undefined && strict) return { line, reason: `${column} holds ${JSON.stringify(cell)}: not JSON` };
      data[column] = value === undefined ? cell : value;
    }
  }
  return { line, data };
}

function jsonOf(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
