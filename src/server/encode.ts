import type { Transform } from "node:stream";
import { constants, createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";
import { utf8, utf8Length } from "../util/utf8.ts";

/** Answers below this size, in bytes, are not worth compressing. */
const THRESHOLD = 1_024;

/** Fast levels: a copy must not wait for its compression. In the order of preference. */
const ENCODERS: { readonly [encoding: string]: () => Transform & { flush(done: () => void): void } } = {
  zstd: () => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
  br: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  gzip: () => createGzip({ level: 1 }),
};

/** The encoding to answer in: what the caller likes best, zstd before br before gzip where it does not mind. */
export function chosenEncoding(header: string | null): string | null {
  if (header === null) return null;
  const weights = new Map<string, number>();
  for (const part of header.split(",")) {
    const [name = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    weights.set(name, weight === undefined ? 1 : Number(weight.slice(2)) || 0);
  }
  const anything = weights.get("*") ?? 0;
  const weightOf = (name: string) => weights.get(name) ?? anything;
  const [best] = Object.keys(ENCODERS).sort((a, b) => weightOf(b) - weightOf(a));
  if (best === undefined || weightOf(best) === 0) return null;
  return weightOf(best) >= (weights.get("identity") ?? 0) ? best : null;
}

export interface Answer {
  readonly type: string;
  /** Text in pieces, each of which is sent when it is there. */
  readonly text: AsyncIterable<string>;
}

/** A streamed answer. The caller's pace is the pace of the text: nothing is made before the last piece was taken. */
export async function streamed(request: Request, { type, text }: Answer): Promise<Response> {
  const headers = new Headers({ "content-type": type, "cache-control": "no-store", vary: "accept-encoding" });
  const pieces = text[Symbol.asyncIterator]();
  const { start, done } = await firstPieces(pieces);
  const short = done && start.length < THRESHOLD && utf8Length(start) < THRESHOLD;
  const encoding = short ? null : chosenEncoding(request.headers.get("accept-encoding"));
  if (done && encoding === null) return whole(start, headers);
  const bytes = encoded(utf8(start), done ? null : pieces);
  // A generator that has not begun does not end what it reads from, so that it is ended here.
  const end = async () => void (await pieces.return?.());
  const encoder = encoding === null ? undefined : ENCODERS[encoding];
  if (encoding === null || encoder === undefined) return new Response(streamOf(bytes, end), { headers });
  headers.set("content-encoding", encoding);
  return new Response(streamOf(compressed(bytes, encoder()), end), { headers });
}

const TEXTS = new WeakMap<Response, string>();

function whole(text: string, headers: Headers): Response {
  const response = new Response(text, { headers });
  TEXTS.set(response, text);
  return response;
}

/** The text that is all of an answer; undefined where it is a stream, or not ours. */
export function wholeText(response: Response): string | undefined {
  return TEXTS.get(response);
}

export function json(request: Request, value: unknown): Promise<Response> {
  return streamed(request, { type: "application/json", text: once(`${JSON.stringify(value)}\n`) });
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

/** The beginning of the text, up to the threshold: it decides whether the answer is compressed. */
async function firstPieces(pieces: AsyncIterator<string>): Promise<{ start: string; done: boolean }> {
  let text = "";
  while (text.length < THRESHOLD) {
    const next = await pieces.next();
    if (next.done) return { start: text, done: true };
    text += next.value;
  }
  return { start: text, done: false };
}

async function* encoded(start: Uint8Array, pieces: AsyncIterator<string> | null): AsyncGenerator<Uint8Array> {
  try {
    yield start;
    if (pieces === null) return;
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield utf8(next.value);
  } finally {
    await pieces?.return?.();
  }
}

/** Each piece is flushed, so that it arrives whole before the next one is made. */
async function* compressed(
  pieces: AsyncIterable<Uint8Array>,
  stream: Transform & { flush(done: () => void): void },
): AsyncGenerator<Uint8Array> {
  let out: Uint8Array[] = [];
  stream.on("data", (chunk: Uint8Array) => out.push(chunk));
  const taken = () => {
    const chunks = out;
    out = [];
    return chunks;
  };
  try {
    for await (const piece of pieces) {
      await new Promise<void>((resolve, reject) => {
        stream.write(piece, (error) => (error ? reject(error) : resolve()));
      });
      await new Promise<void>((resolve) => stream.flush(resolve));
      yield* taken();
    }
    await new Promise<void>((resolve, reject) => {
      stream.once("end", resolve);
      stream.once("error", reject);
      stream.end();
    });
    yield* taken();
  } finally {
    stream.destroy();
  }
}

/** With no queue of its own: a piece is made when the caller has taken the last one, and none once it has left. */
function streamOf(pieces: AsyncGenerator<Uint8Array>, end: () => Promise<void>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await pieces.next();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await pieces.return(undefined);
        await end();
      },
    },
    { highWaterMark: 0 },
  );
}
