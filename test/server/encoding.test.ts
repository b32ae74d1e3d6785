import {
  brotliDecompressSync,
  constants,
  createZstdCompress,
  gunzipSync,
  gzipSync,
  zstdDecompressSync,
} from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chosenEncoding } from "../../src/server/encode.ts";
import { systemClock } from "../../src/util/clock.ts";
import { insert, SPACE, TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = new TestServer();
  const writes = Array.from({ length: 1_000 }, (_, i) => insert(`r${i}`, { text: `number ${i}` }));
  await server.write("c1", writes);
  await server.write(
    "c1",
    writes.map((_, i) => insert(`s${i}`, { text: `number ${i}` })),
  );
});
afterAll(() => server.server.close());

const pull = (headers = {}) => server.post(`${SPACE}/pull`, { subscriptions: [{ scope: "*" }] }, { headers });

describe("Accept-Encoding", () => {
  it.each([
    ["gzip", gunzipSync],
    ["br", brotliDecompressSync],
    ["zstd", zstdDecompressSync],
  ])("[H3] a long answer comes in %s, and is the same", async (encoding, decompress) => {
    const response = await pull({ "accept-encoding": encoding });
    expect(response.headers.get("content-encoding")).toBe(encoding);
    const bytes = Buffer.from(await response.arrayBuffer());
    const plain = await (await pull()).text();
    expect(decompress(bytes).toString()).toBe(plain);
    expect(bytes.length).toBeLessThan(plain.length / 3);
  });

  it("[H3] an answer below 1 KiB comes as it is", async () => {
    const response = await server.request(SPACE, { headers: { "accept-encoding": "gzip" } });
    expect(response.headers.get("content-encoding")).toBeNull();
  });

  it.each([
    [null, null],
    ["gzip, deflate", "gzip"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip;q=1.0, br;q=0.5", "gzip"],
    ["br;q=0", null],
    ["identity", null],
    ["*", "zstd"],
    ["*;q=0, gzip", "gzip"],
    ["zstd;q=0, *", "br"],
    ["identity;q=1, gzip;q=0.5", null],
    ["nonsense", null],
  ])("[H3] of %s it chooses %s", (header, expected) => expect(chosenEncoding(header)).toBe(expected));

  it.each([undefined, "gzip"])(
    "[H3] an answer (%s) whose caller left before its first byte keeps no server open",
    async (encoding) => {
      const other = new TestServer();
      await other.write(
        "c1",
        Array.from({ length: 1_000 }, (_, i) => insert(`r${i}`, { text: "x".repeat(2_000) })),
      );
      const headers: Record<string, string> = encoding === undefined ? {} : { "accept-encoding": encoding };
      const response = await other.post(`${SPACE}/pull`, { subscriptions: [{ scope: "*" }] }, { headers });
      await response.body?.cancel();
      const late = systemClock.sleep(5_000).then(() => "late");
      expect(await Promise.race([other.server.close(), late])).toBeUndefined();
    },
  );

  it("[A5] a body that comes compressed in many pieces leaves nothing behind with each", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on("warning", note);
    const bytes = gzipSync('{"subscriptions":[{"scope":"*"}]}');
    const pieces = [...bytes].map((byte) => Uint8Array.of(byte));
    const body = new ReadableStream({
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
    });
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const request = { method: "POST", headers, body, duplex: "half" as const };
    expect((await server.request(`${SPACE}/pull`, request)).status).toBe(200);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });

  it("[A5] a body in zstd that asks for a window above 8 MiB is refused", async () => {
    const encoder = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: 27 } });
    const pieces = encoder.toArray();
    encoder.write('{"subscriptions":[{"scope":');
    // A frame that was begun before its end was known tells its window, and not its size.
    await new Promise<void>((resolve) => encoder.flush(resolve));
    encoder.end('"*"}]}');
    const body = Buffer.concat(await pieces);
    const headers = { "content-type": "application/json", "content-encoding": "zstd" };
    const response = await server.request(`${SPACE}/pull`, { method: "POST", headers, body });
    expect(response.status).toBe(400);
  });

  it("[A5] a body may come compressed", async () => {
    const body = gzipSync('{"subscriptions":[{"scope":"*"}]}');
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    expect((await server.request(`${SPACE}/pull`, { method: "POST", headers, body })).status).toBe(200);
  });
});
