import { describe, expect, it } from "vitest";
import { virtualClock } from "./clock.ts";
import { CALM, type NetworkFaults, virtualNetwork } from "./network.ts";
import { seededRandom } from "./random.ts";

function place(faults: Partial<NetworkFaults>) {
  const clock = virtualClock("1");
  const network = virtualNetwork(clock, seededRandom("1").fork("network"));
  network.faults = { ...CALM, ...faults };
  const heard: string[] = [];
  const server = network.serve(async (request) => {
    heard.push(await request.text());
    return new Response("0123456789".repeat(1000));
  });
  const peer = network.join("ann");
  /** What a client gets for a body: the length of the answer, or the error's text. */
  async function post(body: string): Promise<number | string> {
    let got: number | string | null = null;
    void peer
      .fetch("http://server/", { method: "POST", body })
      .then((response) => response.text())
      .then(
        (text) => {
          got = text.length;
        },
        (error: Error) => {
          got = error.message;
        },
      );
    await clock.until(() => got !== null, 1e6);
    return got ?? "nothing";
  }
  return { clock, server, peer, heard, post };
}

describe("the virtual network", () => {
  it("carries a request and its answer", async () => {
    const { post, heard } = place({});
    expect(await post("hello")).toBe(10_000);
    expect(heard).toEqual(["hello"]);
  });

  it("loses before the server, or after it", async () => {
    const before = place({ loseRequest: 1 });
    expect(await before.post("a")).toBe("fetch failed");
    expect(before.heard).toEqual([]);
    const after = place({ loseResponse: 1 });
    expect(await after.post("a")).toBe("fetch failed");
    expect(after.heard).toEqual(["a"]);
  });

  it("repeats, late", async () => {
    const { post, heard, clock } = place({ repeat: 1, late: 1000 });
    await post("a");
    await clock.run(2000);
    expect(heard).toEqual(["a", "a"]);
  });

  it("cuts an answer, with an error or as if it were complete", async () => {
    const { post } = place({ cut: 1 });
    const results = [];
    for (let i = 0; i < 20; i++) results.push(await post("a"));
    expect(results).toContain("terminated");
    expect(results.some((result) => typeof result === "number" && result < 10_000)).toBe(true);
    expect(results).not.toContain(10_000);
  });

  it("keeps one direction shut", async () => {
    const { post, peer, heard } = place({});
    peer.partition.down = true;
    expect(await post("a")).toBe("fetch failed");
    expect(heard).toEqual(["a"]);
    peer.partition.down = false;
    peer.partition.up = true;
    expect(await post("b")).toBe("fetch failed");
    expect(heard).toEqual(["a"]);
  });

  it("breaks what is in flight when the server stops, and refuses afterwards", async () => {
    const { post, server } = place({});
    const answer = post("a");
    server.stop();
    expect(await answer).toBe("fetch failed");
    expect(await post("b")).toBe("fetch failed");
  });
});
