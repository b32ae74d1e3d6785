import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { ErasureOrder } from "../store.ts";
import { StoreError } from "../store.ts";
import { storeFailure } from "./failure.ts";

/** Beside the database, in no backup of it: a line of JSON for each order (K2). */
export const ORDERS = "erasures.ndjson";

/** The orders of erasure of a folder; those of a database in memory end with it. */
export class Orders {
  readonly #path: string | null;
  readonly #held: ErasureOrder[] = [];

  constructor(folder: string | null) {
    this.#path = folder === null ? null : join(folder, ORDERS);
  }

  add(order: ErasureOrder): void {
    if (this.all().some((known) => known.order === order.order)) return;
    if (this.#path === null) {
      this.#held.push(order);
      return;
    }
    const { space, collection, id, time, author } = order;
    const line = JSON.stringify({ order: order.order, space, collection, id, time, author });
    let file: number | undefined;
    try {
      file = openSync(this.#path, "a", 0o600);
      // A line that a power cut left half is closed first, so that it spoils none but itself.
      writeSync(file, this.#endsWhole() ? `${line}\n` : `\n${line}\n`);
      fsyncSync(file);
    } catch (error) {
      throw storeFailure(error, this.#path);
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }

  all(): readonly ErasureOrder[] {
    const path = this.#path;
    if (path === null) return this.#held;
    const lines = this.#text().split("\n");
    return lines.flatMap((line, i) => {
      if (line === "") return [];
      try {
        return JSON.parse(line) as ErasureOrder;
      } catch (error) {
        // An order whose line is not whole was never acknowledged, nor begun.
        if (isCutOff(line)) return [];
        throw new StoreError("damaged", `${path}, line ${i + 1}, is no order of erasure: mend it.`, { cause: error });
      }
    });
  }

  #endsWhole(): boolean {
    const text = this.#text();
    return text === "" || text.endsWith("\n");
  }

  #text(): string {
    return this.#path !== null && existsSync(this.#path) ? readFileSync(this.#path, "utf8") : "";
  }
}

function isCutOff(line: string): boolean {
  return line.startsWith("{") && !line.endsWith("}");
}
