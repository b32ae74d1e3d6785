import { describe, expect, it } from "vitest";
import { createClient } from "../../src/client/index.ts";
import type { Line } from "../../src/wire/lines.ts";
import {
  begin,
  copy,
  delta,
  end,
  json,
  ndjson,
  never,
  patch,
  problem,
  put,
  Script,
  type Sent,
  timed,
} from "./support.ts";

const applied = (id: number, revision: number) => ({ id, status: "applied", revision });
const all = { collection: "items" };

/** Answers a push by applying all of it at one revision. */
const taken =
  (revision: number) =>
  ({ body }: Sent) => {
    const outcomes = body.mutations.map(({ id }: { id: number }) => applied(id, revision));
    return json({ revision, lastMutation: outcomes.at(-1)?.id ?? 0, outcomes });
  };

const a = { id: "a", n: 1, title: "A" };
const fill = () => ndjson(begin(5), copy("*"), put(5, a), end(5, { "*": { cursor: "c5" } }));
const news = (since: number, revision: number, last: number, ...lines: Parameters<typeof ndjson>) => {
  return () =>
    ndjson(begin(revision), delta("*", since), ...lines, end(revision, { "*": { cursor: `c${revision}` } }, last));
};

async function filled(script: Script, options = {}) {
  const { client, clock } = timed(script.on("pull", fill), options);
  await client.subscribe({ scope: "*" }).ready;
  return { client, clock };
}

describe("the queue", () => {
  it("[R3] sends nothing before the first pull has told what the server has of this client", async () => {
    const script = new Script().on("push", taken(1));
    const { client } = timed(
      script.on(
        "pull",
        () => problem("unavailable", 503),
        () => ndjson(begin(0), end(0)),
        () => ndjson(begin(1), end(1, {}, 1)),
      ),
      {},
    );
    await client.mutate((tx) => tx.insert("items", a)).local;
    await client.sync();
    expect(script.sent.map(({ path }) => path).slice(0, 3)).toEqual(["pull", "pull", "push"]);
  });

  it("[W1] [W12] sends each write with what its writer knew, and a cursor no older than that", async () => {
    const script = new Script().on("push", taken(6));
    const { client } = await filled(script);
    script.on("pull", news(5, 6, 1));
    await client.mutate((tx) => {
      tx.update("items", "a", { title: "new" });
      tx.insert("items", { id: "b" });
    }).settled;
    expect(script.bodies("push")[0]).toMatchObject({
      cursor: "c5",
      mutations: [
        {
          id: 1,
          base: 5,
          writes: [
            { op: "update", record: { id: "a", title: "new" } },
            { op: "insert", base: 0 },
          ],
        },
      ],
    });
  });

  /** An answer that comes when the test says so. */
  function held() {
    const answer = Promise.withResolvers<Response>();
    return { answer: () => answer.promise, give: (response: Response) => answer.resolve(response) };
  }

  it("[W9] a mutation whose revision comes before its outcome is not shown twice", async () => {
    const waiting = held();
    const script = new Script().on("push", never, taken(6)).on("wait", waiting.answer, never);
    const { client, clock } = await filled(script);
    const seen: unknown[] = [];
    client.observe(all, ([record]) => seen.push(record?.n));
    const { local, settled } = client.mutate((tx) => tx.update("items", "a", { n: { $add: 10 } }));
    await local;
    await clock.until(() => script.bodies("push").length === 1, 1_000);
    waiting.give(news(5, 6, 1, patch(6, { id: "a", n: 11 } as never))());
    await clock.until(() => client.status.revision === 6, 10_000);
    expect([(await client.get("items", "a"))?.n, client.status.pending]).toEqual([11, 1]);
    script.on("pull", news(6, 6, 1));
    await clock.until(() => client.status.pending === 0, 120_000);
    expect(await settled).toEqual(applied(1, 6));
    expect(seen).toEqual([1, 11]);
    expect(script.bodies("push").length).toBe(2);
  });

  /** The lines as they are said, one after the other. */
  function saying() {
    const encoder = new TextEncoder();
    const stream = new TransformStream<Uint8Array<ArrayBuffer>>();
    const writer = stream.writable.getWriter();
    const answer = new Response(stream.readable, { headers: { "content-type": "application/x-ndjson" } });
    return {
      answer,
      say: (...lines: Line[]) =>
        writer.write(encoder.encode(lines.map((each) => `${JSON.stringify(each)}\n`).join(""))),
    };
  }

  it("[W9] a mutation whose outcome comes first is shown until its revision arrives, and no earlier one", async () => {
    const early = saying();
    const late = held();
    const script = new Script().on("push", taken(6)).on("wait", early.answer, never);
    const { client, clock } = await filled(script);
    const seen: unknown[] = [];
    client.observe(all, ([record]) => seen.push(record?.title));
    // An answer that began before the push, of a revision before it.
    await early.say(begin(5), delta("*", 5), patch(5, { id: "a", n: 5 } as never));
    await clock.run(1);
    script.on("pull", late.answer);
    const { local, settled } = client.mutate((tx) => tx.update("items", "a", { title: "mine" }));
    await local;
    let over = false;
    void settled.then(() => {
      over = true;
    });
    await clock.until(() => client.status.pending === 0, 10_000);
    await early.say(end(5, { "*": {} }));
    await clock.until(() => script.bodies("pull").length === 2, 10_000);
    expect([over, await client.get("items", "a")]).toMatchObject([false, { title: "mine" }]);
    late.give(news(5, 6, 1, patch(6, { id: "a", title: "mine" } as never))());
    expect(await settled).toEqual(applied(1, 6));
    expect(seen).toEqual(["A", "mine"]);
  });

  it("[W6] tells the server which outcomes have arrived", async () => {
    const script = new Script().on("push", taken(6));
    const { client } = await filled(script);
    script.on("pull", news(5, 6, 1), news(6, 6, 2));
    await client.mutate((tx) => tx.update("items", "a", { n: 2 })).settled;
    await client.mutate((tx) => tx.update("items", "a", { n: 3 })).settled;
    expect(script.bodies("push").map(({ acked }) => acked)).toEqual([undefined, 1]);
  });

  it("[W6] an outcome that the server no longer knows is handed to the application", async () => {
    const script = new Script().on("push", () =>
      json({ revision: 5, lastMutation: 1, outcomes: [{ id: 1, status: "unknown", revision: 5 }] }),
    );
    const { client } = await filled(script);
    expect(await client.mutate((tx) => tx.update("items", "a", { n: 2 })).settled).toMatchObject({ status: "unknown" });
    expect(client.told.map(({ event }) => event)).toEqual(["unknown"]);
    expect(client.status.pending).toBe(0);
  });

  it.each([
    ["invalid", 400, "invalid-record"],
    ["too-large", 413, "too-large"],
  ])(
    "[W7] a mutation answered %s goes back to the application, and its number is sent without writes",
    async (code, status, told) => {
      const refuse = ({ body }: Sent) => {
        const bad = body.mutations.some(
          ({ writes }: { writes: { record: { n: number } }[] }) => writes[0]?.record.n === 2,
        );
        return bad ? problem(code, status, { path: "mutations[0]" }) : taken(6)({ body } as Sent);
      };
      const script = new Script().on("push", refuse);
      const { client } = await filled(script);
      script.on("pull", news(5, 6, 3), never);
      const settled = [1, 2, 3].map((n) => client.mutate((tx) => tx.update("items", "a", { n })).settled);
      expect((await Promise.all(settled)).map(({ status: each }) => each)).toEqual(["applied", "rejected", "applied"]);
      expect(client.told).toMatchObject([
        { event: "rejected", value: { outcome: { code: told }, mutation: { writes: [{ record: { n: 2 } }] } } },
      ]);
      const empty = script
        .bodies("push")
        .flatMap(({ mutations }) => mutations)
        .filter(({ writes }) => writes.length === 0);
      expect(empty).toMatchObject([{ id: 2, writes: [] }]);
    },
  );

  it("[R3] `rewound` keeps the outcomes of those that were the same, and sends the rest under a new id", async () => {
    const old: string[] = [];
    const rewound = ({ body }: Sent) => {
      old.push(body.client);
      if (body.client !== old[0]) return taken(9)({ body } as Sent);
      if (body.mutations.some(({ id }: { id: number }) => id === 2))
        return problem("rewound", 409, { lastMutation: 7, id: 2 });
      return taken(6)({ body } as Sent);
    };
    const script = new Script().on("push", rewound);
    const { client } = await filled(script);
    script.on("pull", news(5, 9, 2), never);
    const settled = [1, 2, 3].map((n) => client.mutate((tx) => tx.update("items", "a", { n })).settled);
    expect(await Promise.all(settled)).toEqual([applied(1, 6), applied(1, 9), applied(2, 9)]);
    expect(script.bodies("push").at(-1)).toMatchObject({
      was: { client: old[0], through: 1 },
      mutations: [{ id: 1 }, { id: 2 }],
    });
    expect(client.told).toEqual([{ event: "recovered", value: { reason: "rewound" } }]);
  });

  it("[R3] a client of which the server knows more than it has issued takes a new id", async () => {
    const script = new Script().on("push", taken(6));
    const { client } = timed(
      script.on(
        "pull",
        () => ndjson(begin(5), copy("*"), put(5, a), end(5, { "*": { cursor: "c5" } }, 4)),
        news(5, 6, 1),
        never,
      ),
      {},
    );
    await client.subscribe({ scope: "*" }).ready;
    await client.mutate((tx) => tx.update("items", "a", { n: 2 })).settled;
    const [pull] = script.bodies("pull");
    expect(script.bodies("push")[0]).toMatchObject({
      was: { client: pull.client, through: 0 },
      mutations: [{ id: 1 }],
    });
    expect(script.bodies("push")[0].client).not.toBe(pull.client);
  });

  it("[R2] [W12] `diverged` on a push pulls first, and names the places where the replica has been", async () => {
    const script = new Script().on("push", () => problem("diverged", 409), taken(3));
    const { client } = await filled(script);
    const lost = {
      op: "subscription",
      key: "*",
      mode: "copy",
      from: null,
      reason: "diverged",
      common: 2,
      restore: "heal",
    } as const;
    script.on(
      "pull",
      () => ndjson(begin(2), lost),
      () => ndjson(begin(2), copy("*"), put(2, { id: "a" }), end(2, { "*": { cursor: "d2" } })),
      news(2, 3, 1),
      never,
    );
    await client.mutate((tx) => tx.update("items", "a", { n: 2 })).settled;
    expect(script.bodies("pull").map(({ known }) => known)).toContainEqual(["c5"]);
    expect(script.bodies("push").at(-1)).toMatchObject({ cursor: "d2", mutations: [{ id: 1, base: 2 }] });
  });

  it("[C9] nothing is sent under a new token before a pull has told whose it is", async () => {
    let token = "one";
    const script = new Script().on("push", taken(6));
    const { client } = await filled(script, { auth: () => token });
    token = "two";
    script.on("pull", () => ndjson(begin(5, "p2"), end(5)));
    await client.mutate((tx) => tx.update("items", "a", { n: 2 })).local;
    await expect(client.sync()).rejects.toMatchObject({ name: "OtherPrincipal" });
    expect(script.bodies("push")).toEqual([]);
    expect(client.status).toMatchObject({ state: "other-principal", pending: 1 });
  });

  it("[W5] a policy that is a function gets what its writer saw", async () => {
    const longest = (base: unknown, server: unknown, client: unknown) => [base, server, client].sort().at(-1) as string;
    const script = new Script().on("push", taken(6));
    const { client } = await filled(script, { schema: { collections: { items: { atoms: { title: longest } } } } });
    script.on("pull", news(5, 6, 1), never);
    await client.mutate((tx) => tx.update("items", "a", { title: "B" })).local;
    expect(await client.get("items", "a")).toMatchObject({ title: "B" });
    await client.sync().catch(() => {});
    expect(script.bodies("push")[0].mutations[0].writes[0].from).toEqual({ title: "A" });
  });

  it("[W4] [W5] nothing of a mutation that would be superseded is shown", async () => {
    const script = new Script();
    const { client } = await filled(script);
    await client.mutate((tx) => tx.update("items", "a", { n: 7 }, { expect: { title: "other" } })).local;
    await client.mutate(
      (tx) => {
        tx.update("items", "a", { n: 8 });
        tx.insert("items", { id: "a" });
      },
      { whole: true },
    ).local;
    await client.mutate((tx) => tx.update("items", "missing", { n: 9 })).local;
    expect(await client.query(all)).toEqual([a]);
  });
});

describe("mutate", () => {
  const client = () => createClient({ url: "http://server", space: "acme", fetch: async () => await never() });

  it.each([
    ["a collection's name", (tx: never) => (tx as Any).insert("no-name", { id: "a" }), "invalid"],
    ["an id", (tx: never) => (tx as Any).insert("items", { id: "" }), "invalid"],
    ["an atom's name", (tx: never) => (tx as Any).insert("items", { id: "a", constructor: 1 }), "invalid"],
    ["a number that is not finite", (tx: never) => (tx as Any).insert("items", { id: "a", n: Number.NaN }), "invalid"],
    ["a lone surrogate", (tx: never) => (tx as Any).insert("items", { id: "a", t: "\ud800" }), "invalid"],
    ["a value that is no JSON", (tx: never) => (tx as Any).insert("items", { id: "a", t: new Date(0) }), "invalid"],
    ["a bigint", (tx: never) => (tx as Any).insert("items", { id: "a", t: 1n }), "invalid"],
    ["deep nesting", (tx: never) => (tx as Any).insert("items", { id: "a", t: nested(40) }), "invalid"],
    [
      "a record that is too large",
      (tx: never) => (tx as Any).insert("items", { id: "a", t: "x".repeat(1_100_000) }),
      "too-large",
    ],
    [
      "too many writes",
      (tx: never) => Array.from({ length: 1_001 }, (_, i) => (tx as Any).delete("items", `${i}`)),
      "too-large",
    ],
    ["nothing", () => {}, "invalid"],
  ])("[W7] [M7] %s is refused with a clear error before anything is queued", async (_, write, code) => {
    const one = client();
    expect(() => one.mutate(write as never)).toThrow(expect.objectContaining({ name: "ClientError", code }));
    await one.query({ collection: "items" });
    expect(one.status.pending).toBe(0);
    await one.close();
  });

  it("[W7] a record that its schema refuses is not queued, and the path says where", async () => {
    const schema = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value: { n?: number }) =>
          value.n === 1 ? { value } : { issues: [{ message: "n is 1", path: ["n"] }] },
      },
    };
    const one = createClient({
      url: "http://server",
      space: "acme",
      fetch: async () => await never(),
      schema: { collections: { items: { schema: schema as never } } },
    });
    await one.mutate((tx) => tx.insert("items", { id: "a", n: 1 })).local;
    const { local, settled } = one.mutate((tx) => tx.update("items", "a", { n: 2 }));
    await expect(local).rejects.toMatchObject({ code: "invalid", path: "items/a.n" });
    await expect(settled).rejects.toMatchObject({ code: "invalid" });
    expect(() => one.mutate((tx) => (tx as Any).insert("others", { id: "x" }))).toThrow("not in the schema");
    expect(one.status.pending).toBe(1);
    await one.close();
  });
});

// biome-ignore lint/suspicious/noExplicitAny: what a caller without types may pass
type Any = any;

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)];
}
