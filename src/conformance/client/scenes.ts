import type { Write } from "../../model/mutation.ts";
import type { JsonObject } from "../../util/json.ts";
import { Deviation } from "../trial.ts";
import { SPACE, type Stage, type Way } from "./stage.ts";

/** One behaviour that a rule asks of a client. Each has a stage, and so a client without a past, of its own. */
export interface Scene {
  readonly id: string;
  readonly title: string;
  run(stage: Stage): Promise<void>;
}

const insert = (id: string, atoms: JsonObject = {}): Write => ({
  op: "insert",
  collection: SPACE,
  record: { id, ...atoms },
});
const update = (id: string, atoms: JsonObject): Write => ({
  op: "update",
  collection: SPACE,
  record: { id, ...atoms },
});
const remove = (id: string): Write => ({ op: "delete", collection: SPACE, id });

async function filled(stage: Stage): Promise<void> {
  await stage.write(
    insert("a", { n: 1, text: "\u0000é\u{1f41f}" }),
    insert("b", { n: 1, deep: { list: [null, {}] } }),
    insert("c"),
  );
}

/** The next answer to such a request is broken off in its middle. */
function broken(verb: string): { readonly way: Way; happened(): boolean } {
  let done = false;
  return {
    happened: () => done,
    async way(response, path) {
      if (done || !path.endsWith(`/${verb}`) || response.status !== 200) return response;
      done = true;
      const text = await response.text();
      let sent = false;
      const body = new ReadableStream({
        pull(controller) {
          if (sent) return controller.error(new Error("cut"));
          sent = true;
          controller.enqueue(new TextEncoder().encode(text.slice(0, Math.floor(text.length * 0.7))));
        },
      });
      return new Response(body, {
        status: 200,
        headers: { "content-type": response.headers.get("content-type") ?? "" },
      });
    },
  };
}

const lined =
  (alter: (text: string) => string): Way =>
  async (response, path) => {
    if (!path.endsWith("/pull") || response.status !== 200) return response;
    return new Response(alter(await response.text()), { headers: { "content-type": "application/x-ndjson" } });
  };

export const scenes: readonly Scene[] = [
  {
    id: "P5",
    title: "without a past it is given a copy, and shows it",
    async run(stage) {
      await filled(stage);
      await stage.agrees();
    },
  },
  {
    id: "P1",
    title: "after a delta it shows what the server holds: put, patch, null, remove",
    async run(stage) {
      await filled(stage);
      await stage.agrees();
      await stage.write(update("a", { n: 2, text: null, more: true }), remove("b"), insert("d", { n: 4 }));
      await stage.agrees();
      await stage.agrees();
    },
  },
  {
    id: "H10",
    title: "fields that it does not know it ignores",
    async run(stage) {
      await filled(stage);
      stage.disturb(lined((text) => text.replaceAll(/"op":"(\w+)"/g, '"op":"$1","unheardOf":[{}]')));
      await stage.agrees();
    },
  },
  {
    id: "H10",
    title: "a line whose `op` it does not know makes it stop before the end, and show what it showed",
    async run(stage) {
      await filled(stage);
      await stage.agrees();
      const before = await stage.truth();
      await stage.write(update("a", { n: 2 }));
      stage.disturb(lined((text) => text.replace(/\{"op":"end"/, '{"op":"unheardOf"}\n{"op":"end"')));
      const { code, shown } = await stage.run();
      if (code === 0 && shown.join() !== before.join())
        throw new Deviation("it took an answer that it does not understand");
      stage.disturb(null);
      await stage.agrees();
    },
  },
  {
    id: "P4",
    title: "of an answer that breaks off it shows nothing, and the next run goes on",
    async run(stage) {
      await filled(stage);
      await stage.agrees();
      const before = await stage.truth();
      await stage.write(...Array.from({ length: 50 }, (_, i) => insert(`x${i}`, { text: "x".repeat(100) })));
      const cut = broken("pull");
      stage.disturb(cut.way);
      const { code, shown } = await stage.run();
      if (!cut.happened()) throw new Deviation("it did not pull");
      const now = await stage.truth();
      if (code === 0 && ![before.join(), now.join()].includes(shown.join()))
        throw new Deviation("it shows a part of an answer");
      stage.disturb(null);
      await stage.agrees();
    },
  },
  {
    id: "W6",
    title: "a mutation whose answer was lost is made once",
    async run(stage) {
      await filled(stage);
      await stage.agrees();
      const { revision } = await stage.head();
      const cut = broken("push");
      stage.disturb(cut.way);
      await stage.run([[update("a", { n: 7 }), insert("mine")]]);
      if (!cut.happened()) throw new Deviation("it did not push");
      stage.disturb(null);
      await stage.agrees();
      const after = (await stage.head()).revision;
      if (after !== revision + 1) throw new Deviation(`expected one revision after ${revision}, the head is ${after}`);
    },
  },
  {
    id: "W1",
    title: "where its write lost, it shows the server's value",
    async run(stage) {
      await filled(stage);
      await stage.agrees();
      await stage.write(update("a", { n: 5 }));
      // Whatever its base: what it wrote and what it shows must be what the server holds.
      await stage.agrees([[update("a", { n: 6, mine: 1 })]]);
    },
  },
  {
    id: "W10",
    title: "a mutation that was rejected does not hold up those behind it",
    async run(stage) {
      await filled(stage);
      const bad: Write = { op: "insert", collection: "nobody", record: { id: "x" } };
      await stage.agrees([[bad], [insert("behind")]]);
      if (!(await stage.truth()).some((record) => record.includes('"behind"')))
        throw new Deviation("the second mutation did not arrive");
    },
  },
  {
    id: "P6",
    title: "after it was away longer than the tombstones are kept, it shows no ghosts",
    async run(stage) {
      await filled(stage);
      await stage.agrees();
      await stage.write(remove("b"));
      await stage.write(insert("d"));
      await stage.cut();
      await stage.agrees();
    },
  },
  {
    id: "R2",
    title: "where the server's history is another one, it shows that one",
    async run(stage) {
      await filled(stage);
      await stage.agrees();
      await stage.restore();
      await stage.agrees();
    },
  },
];
