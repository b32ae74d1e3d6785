import type { Check } from "./check.ts";
import { insert } from "./push.ts";
import { COLLECTION } from "./trial.ts";

export const protocol: readonly Check[] = [
  {
    id: "H8",
    title: "/healthz and /readyz answer 200",
    async run(trial) {
      const { url, fetch } = trial.subject;
      for (const path of ["/healthz", "/readyz"]) trial.equal((await fetch(`${url}${path}`)).status, 200, path);
    },
  },
  {
    id: "H9",
    title: "a first push makes the space, or it is there",
    async run(trial) {
      const outcome = await trial.write([insert(trial.fresh("record"))], { base: 0 });
      trial.equal(outcome.status, "applied", "the outcome");
    },
  },
  {
    id: "H1",
    title: "problems are RFC 9457 problem details, with a code",
    async run(trial) {
      await trial.refused(await trial.request("/pull", { subscriptions: "all" }), 400, "invalid");
      await trial.refused(await trial.request("/pull", "{ no json"), 400, "invalid");
      await trial.refused(await trial.request("/nowhere"), 404, "not-found");
    },
  },
  {
    id: "M7",
    title: "ids, names and values that the rules exclude are invalid",
    async run(trial) {
      const bad = [
        insert(""),
        insert("a\u0007"),
        insert("x".repeat(257)),
        insert("a", { "no name": 1 }),
        insert("a", { constructor: 1 }),
        insert("a", { text: "\ud800" }),
        { op: "insert", collection: "__proto__", record: { id: "a" } },
      ];
      for (const write of bad) {
        const mutations = [{ id: 1, base: 0, writes: [write] }];
        await trial.refused(await trial.request("/push", { client: trial.fresh("client"), mutations }), 400, "invalid");
      }
    },
  },
  {
    id: "M7",
    title: "values come back as they were sent",
    async run(trial) {
      const id = trial.fresh("record");
      const atoms = { t: '\u0000\u001f"\\/é\u{1f41f}', n: -0.1e-7, b: false, deep: { list: [1, [], {}, null, "x"] } };
      await trial.write([insert(id, atoms)]);
      const held = new Map();
      await trial.pull(held, null);
      trial.equal(held.get(`${COLLECTION}/${id}`), { id, ...atoms }, "the record");
    },
  },
];
