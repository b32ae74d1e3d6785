import { describe, expect, it } from "vitest";
import { Guesses } from "../../src/users/guesses.ts";
import { heldSweep } from "../../src/users/index.ts";
import { createUsers } from "../../src/users/users.ts";
import type { Clock } from "../../src/util/clock.ts";
import { founded, loggedIn, statusOf } from "./support.ts";

describe("the guard of a synchronisation", () => {
  it("[U5] holds what would end more than a tenth, and more than ten", () => {
    const held = (active: number, ending: number) => heldSweep({ active, ending }) !== null;
    expect([held(10, 10), held(100, 10), held(109, 11), held(110, 11), held(1_000, 100), held(1_000, 101)]).toEqual([
      false,
      false,
      true,
      false,
      false,
      true,
    ]);
    expect(heldSweep({ active: 200, ending: 200 })).toMatch(/^200 of 200 active users/);
  });
});

describe("guesses", () => {
  function guessing() {
    const time = { now: 0 };
    const clock: Clock = { now: () => time.now, sleep: () => new Promise(() => undefined) };
    const guesses = new Guesses(clock);
    const waits = (name: string, address: string | null) => {
      try {
        guesses.begin(name, address);
        return 0;
      } catch (error) {
        return (error as { extras: { retryAfter: number } }).extras.retryAfter;
      }
    };
    return { time, guesses, waits };
  }

  it("[U14] one waits a minute, then twice as long each time, an hour at most", () => {
    const { time, waits } = guessing();
    for (let i = 0; i < 10; i++) expect(waits("ann", "1.1.1.1")).toBe(0);
    const seen: number[] = [];
    for (let i = 0; i < 8; i++) {
      const wait = waits("ann", "1.1.1.1");
      seen.push(wait);
      time.now += wait * 1_000;
      expect(waits("ann", "1.1.1.1")).toBe(0);
    }
    expect(seen).toEqual([60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    expect(waits("bob", "1.1.1.1")).toBe(0);
    expect(waits("ann", "2.2.2.2")).toBe(0);
  });

  it("[U14] a name is not guessed from many addresses, nor many names from one", () => {
    const { waits } = guessing();
    for (let i = 0; i < 100; i++) expect(waits("ann", `1.1.1.${i}`)).toBe(0);
    expect(waits("ann", "9.9.9.9")).toBe(60);
    for (let i = 0; i < 100; i++) expect(waits(`user ${i}`, "8.8.8.8")).toBe(0);
    expect(waits("somebody", "8.8.8.8")).toBe(60);
  });

  it("[U14] who was right has not failed", () => {
    const { guesses, waits } = guessing();
    for (let i = 0; i < 500; i++) guesses.begin("ann", "1.1.1.1").right();
    expect(waits("ann", "1.1.1.1")).toBe(0);
  });
});

describe("routes", () => {
  it("[A3 U7] what is not for whoever shows something in the body asks for an administrator", () => {
    const own = createUsers().routes.filter(({ path }) => !path.startsWith("/scim/v2/"));
    const asked = own.map(({ path, asks }) => `${path.split("/").at(-1)} ${asks}`);
    expect(asked).toEqual([
      "setup credentials",
      "login credentials",
      "password credentials",
      "refresh credentials",
      "logout credentials",
      "credentials admin",
      "scim-token admin",
      "scim-revoke admin",
      "scim-tokens admin",
      "sync admin",
      "confirm admin",
    ]);
  });
});

describe("a store that was restored beneath the server", () => {
  it("[U14] is read anew, with other sessions and other users", async () => {
    const { server, admin } = await founded();
    await using _ = server;
    await admin.add("bob");
    const { accessToken } = await loggedIn(server, "bob");
    expect(await statusOf(server, accessToken)).toBe(403);
    // What the tail does where the history of a space is another one is to clear and read from the beginning.
    const { Tail } = await import("../../src/users/tail.ts");
    const seen: string[] = [];
    const stopping = new AbortController().signal;
    let revision = 0;
    const store = {
      ...server.store,
      watch: () => () => undefined,
      read: async (space: string, queries: never) => {
        const snapshot = await server.store.read(space, queries);
        if (snapshot === null || revision === 0) return snapshot;
        return { ...snapshot, head: { ...snapshot.head, hash: "f".repeat(64) } };
      },
    };
    const clock: Clock = { now: () => 0, sleep: () => new Promise(() => undefined) };
    const kept = { apply: ({ id }: { id: string }) => seen.push(id), clear: () => seen.push("clear"), applied() {} };
    const tail = new Tail({ store: store as never, clock, stopping }, "system", kept as never);
    await tail.current();
    revision = tail.revision;
    const first = [...seen];
    await tail.catchUp();
    expect(seen).toEqual([...first, "clear", ...first]);
    expect(first).toContain("bob");
  });
});
