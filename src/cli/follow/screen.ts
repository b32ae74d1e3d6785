import { clearLine, cursorTo } from "node:readline";
import type { Output } from "../output.ts";

/** Lines that stay, and on a terminal one line below them that is drawn anew. */
export class Screen {
  readonly #out: Output;
  #line = "";

  constructor(out: Output) {
    this.#out = out;
  }

  print(text: string, value: unknown): void {
    this.#clear();
    this.#out.result(text, value);
    this.#draw();
  }

  /** What stands below: nothing where standard output is no terminal. */
  status(text: string): void {
    if (!this.#out.live || text === this.#line) return;
    this.#clear();
    this.#line = text;
    this.#draw();
  }

  end(): void {
    if (this.#out.live && this.#line !== "") process.stdout.write("\n");
  }

  #clear(): void {
    if (!this.#out.live || this.#line === "") return;
    cursorTo(process.stdout, 0);
    clearLine(process.stdout, 0);
  }

  #draw(): void {
    // Cut to the width, since a line that wraps cannot be cleared.
    if (this.#out.live)
      process.stdout.write(this.#out.colors.dim(this.#line.slice(0, (process.stdout.columns ?? 80) - 1)));
  }
}
