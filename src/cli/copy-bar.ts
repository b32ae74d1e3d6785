import type { Line } from "../wire/lines.ts";
import type { Output, Progress } from "./output.ts";

/** A bar for a copy whose lines go elsewhere (C15); none where the server cannot say how many records there are. */
export class CopyBar {
  readonly #out: Output;
  #bar: Progress | null = null;
  #total = 0;
  #done = 0;

  constructor(out: Output) {
    this.#out = out;
  }

  take(text: string): void {
    if (text.startsWith('{"op":"subscription"')) return this.#open(JSON.parse(text) as Line);
    if (this.#bar === null) return;
    if (text.startsWith('{"op":"put"')) this.#done += countOf(JSON.parse(text) as Line);
    else if (text.startsWith('{"op":"end"')) this.#done = this.#total;
    this.#bar.update(Math.min(this.#done, this.#total));
  }

  stop(): void {
    this.#bar?.stop();
  }

  #open(line: Line): void {
    if (line.op !== "subscription" || line.mode !== "copy" || line.total === undefined || this.#bar !== null) return;
    this.#total = line.total;
    this.#bar = this.#out.progress(`copy ${line.key}`, line.total, "records");
  }
}

function countOf(line: Line): number {
  return line.op === "put" ? line.records.length : 0;
}
