import { MultiBar, Presets, type SingleBar } from "cli-progress";
import picocolors from "picocolors";

/** A terminal's width, or the table's where there is none. */
type Colors = ReturnType<typeof picocolors.createColors>;

export interface Progress {
  /** Sets how far it is; `detail` stands behind the bar. */
  update(value: number, detail?: string): void;
  stop(): void;
}

/**
 * Where a command writes. Results go to standard output: sentences and tables for people, with `--json` nothing but
 * JSON. Notes and progress go to standard error.
 */
export interface Output {
  readonly json: boolean;
  /** Whether standard output is a terminal, so that lines may be drawn anew. */
  readonly live: boolean;
  readonly colors: Colors;
  /** A result for people; nothing with `--json`. */
  print(text: string): void;
  /** A result for programs, one JSON value a line; nothing without `--json`. */
  data(value: unknown): void;
  /** Both at once: the text for people, the value for programs. */
  result(text: string, value: unknown): void;
  note(text: string): void;
  /** A bar on a terminal, silence elsewhere. */
  progress(label: string, total: number, unit: string): Progress;
}

export function openOutput(
  json: boolean,
  streams: { stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream },
  env: NodeJS.ProcessEnv,
): Output {
  const { stdout, stderr } = streams;
  const live = stdout.isTTY === true && !json;
  const plain = env.NO_COLOR !== undefined || env.TERM === "dumb";
  const print = (text: string) => void (json || stdout.write(`${text}\n`));
  const data = (value: unknown) => void (json && stdout.write(`${JSON.stringify(value)}\n`));
  return {
    json,
    live,
    colors: picocolors.createColors(live && !plain),
    print,
    data,
    result(text, value) {
      print(text);
      data(value);
    },
    note: (text) => void stderr.write(`${text}\n`),
    progress: (label, total, unit) =>
      stderr.isTTY === true ? bar(stderr, label, total, unit) : { update() {}, stop() {} },
  };
}

function bar(stream: NodeJS.WriteStream, label: string, total: number, unit: string): Progress {
  const bars = new MultiBar(
    {
      stream,
      format: `${label} {bar} {percentage}% · {value}/{total} ${unit} {detail}`,
      hideCursor: true,
      clearOnComplete: false,
    },
    Presets.shades_classic,
  );
  const single: SingleBar = bars.create(Math.max(total, 1), 0, { detail: "" });
  return {
    update: (value, detail = "") => single.update(value, { detail }),
    stop: () => bars.stop(),
  };
}

/** Rows as columns of even width, two spaces between them. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows
    .map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join("  "))
    .join("\n");
}

/** A value as a person reads it in one line: text as it is where that is plain, JSON else. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return "null";
  if (typeof value === "string" && /^[^\s"'{}[\]]+( [^\s"'{}[\]]+)*$/u.test(value)) return value;
  return JSON.stringify(value);
}

/** Why a mutation of one write was rejected, and where in its record. */
export function reasonOf({ path, message }: { readonly path: string; readonly message: string }): string {
  const atom = path.replace(/^writes\[\d+\](\.(record|collection))?\.?/, "");
  return atom === "" ? message : `${atom}: ${message}`;
}
