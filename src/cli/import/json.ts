import { isObject, type Json } from "../../util/json.ts";
import { type Row, UnreadableFile } from "./rows.ts";

/** One JSON object a line; empty lines are passed over. */
export async function* ndjsonRows(text: AsyncIterable<string>): AsyncGenerator<Row> {
  let line = 0;
  let rest = "";
  for await (const chunk of text) {
    rest += chunk;
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const each of lines) {
      line++;
      if (each.trim() !== "") yield rowOf(each, line);
    }
  }
  if (rest.trim() !== "") yield rowOf(rest, line + 1);
}

/** The objects of one JSON array, each parsed when its end has come, so that a file of any size takes little memory. */
export async function* arrayRows(text: AsyncIterable<string>): AsyncGenerator<Row> {
  const splitter = new ArraySplitter();
  for await (const chunk of text) {
    for (const { line, text: item } of splitter.feed(chunk)) yield rowOf(item, line);
  }
  splitter.finish();
}

function rowOf(text: string, line: number): Row {
  let data: Json;
  try {
    data = JSON.parse(text) as Json;
  } catch (error) {
    return { line, reason: `this is not JSON: ${(error as Error).message}` };
  }
  if (!isObject(data)) return { line, reason: "a record is a JSON object" };
  return { line, data: data as { [atom: string]: Json } };
}

interface Item {
  /** Where it begins. */
  readonly line: number;
  readonly text: string;
}

/** Cuts the text of a JSON array into its items by brackets and quotes; what is inside an item is JSON.parse's matter. */
class ArraySplitter {
  #state: "before" | "inside" | "after" = "before";
  #line = 1;
  /** Of the item that is under way; null before its first character. */
  #began: number | null = null;
  #text = "";
  /** Brackets open within the item. */
  #depth = 0;
  #quoted = false;
  #escaped = false;

  *feed(chunk: string): Generator<Item> {
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const char = chunk[i] as string;
      if (char === "\n") this.#line++;
      if (this.#state !== "inside") {
        this.#outside(char);
        from = i + 1;
      } else if (this.#quoted) this.#inQuotes(char);
      else if (this.#depth === 0 && (char === "," || char === "]")) {
        this.#text += chunk.slice(from, i);
        from = i + 1;
        if (this.#began !== null) yield { line: this.#began, text: this.#text };
        this.#began = null;
        this.#text = "";
        if (char === "]") this.#state = "after";
      } else this.#inItem(char);
    }
    this.#text += chunk.slice(from);
  }

  /** To be called after the last chunk; throws where the array has not ended. */
  finish(): void {
    if (this.#state === "before")
      throw new UnreadableFile(this.#line, "the file is empty, and a JSON array was expected");
    if (this.#state === "inside") throw new UnreadableFile(this.#line, "the file ends before its JSON array does");
  }

  #outside(char: string): void {
    if (/\s/.test(char)) return;
    if (this.#state === "after") throw new UnreadableFile(this.#line, "something stands behind the end of the array");
    if (char !== "[") {
      const cure = "a JSON file holds one array of records; for one record a line there is --format ndjson";
      throw new UnreadableFile(this.#line, cure);
    }
    this.#state = "inside";
  }

  #inItem(char: string): void {
    if (this.#began === null && /\S/.test(char)) this.#began = this.#line;
    if (char === '"') this.#quoted = true;
    else if (char === "{" || char === "[") this.#depth++;
    else if (char === "}" || char === "]") this.#depth--;
  }

  #inQuotes(char: string): void {
    if (this.#escaped) this.#escaped = false;
    else if (char === "\\") this.#escaped = true;
    else if (char === '"') this.#quoted = false;
  }
}
