import { isObject } from "../util/json.ts";
import type { Line } from "../wire/lines.ts";
import { TransportError } from "./errors.ts";
import type { Watch } from "./watch.ts";

/** A line as it came and as it was parsed. Its `op` is a text; nothing else has been checked. */
export interface Received {
  readonly text: string;
  readonly line: Line;
}

/** Characters of one line: a page of 1 MiB, or one record of the greatest size, with room to spare. */
const LONGEST = 32 * 1_048_576;

/** The lines of a stream, each as soon as it is whole; no more than one line and one chunk are in memory. */
export async function* receivedLines(body: ReadableStream<Uint8Array>, watch: Watch): AsyncGenerator<Received> {
  const reader = body.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let parts: string[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await watch.within(reader.read());
      let text = decoded(decoder, value, done);
      for (let cut = text.indexOf("\n"); cut >= 0; cut = text.indexOf("\n")) {
        parts.push(text.slice(0, cut));
        yield received(parts.join(""));
        parts = [];
        length = 0;
        text = text.slice(cut + 1);
      }
      parts.push(text);
      length += text.length;
      if (length > LONGEST) throw new TransportError("foreign", "a line of the answer is too long");
      if (done) break;
    }
    if (length > 0) yield received(parts.join(""));
  } finally {
    reader.cancel().catch(() => {});
  }
}

function decoded(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array | undefined, done: boolean): string {
  try {
    return decoder.decode(bytes, { stream: !done });
  } catch (cause) {
    throw new TransportError("cut", "the answer is not valid UTF-8", { cause });
  }
}

function received(text: string): Received {
  return { text, line: parsedLine(text) as Line };
}

/** An object with an `op`. What cannot be parsed was cut off, since servers write whole lines. */
export function parsedLine(text: string): { readonly op: string } {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch (cause) {
    throw new TransportError("cut", "the answer broke off in the middle of a line", { cause });
  }
  if (!isObject(line) || typeof line.op !== "string")
    throw new TransportError("foreign", "the answer holds a line without an op");
  return line as unknown as { readonly op: string };
}
