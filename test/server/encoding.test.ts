import { brotliDecompressSync, gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chosenEncoding } from "../../src/server/encode.ts";
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

  it("[A5] a body may come compressed", async () => {
    const body = gzipSync('{"subscriptions":[{"scope":"*"}]}');
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    expect((await server.request(`${SPACE}/pull`, { method: "POST", headers, body })).status).toBe(200);
  });
});
