import type { Decision, DifferenceLine, DuplicatesOrder, DuplicatesResponse, ShownEntity } from "../../ingest/index.ts";
import type { Line } from "../../wire/lines.ts";
import { ask, askJson, failureInLine, linesOf, type Space } from "../api.ts";
import { type Context, command } from "../command.ts";
import { misuse } from "../failure.ts";
import { INGEST_ARGS, openIngest } from "../ingest/open.ts";
import { type Output, shown, table } from "../output.ts";

const ARGS = {
  do: { type: "positional", required: true, description: "list, show, merge, split, or differences" },
  collection: { type: "positional", required: true, description: "the collection" },
  id: {
    type: "positional",
    required: false,
    description: "merge: the records, the first stays; split: the record, then the source records that leave it",
  },
  ...INGEST_ARGS,
} as const;

const DOES = ["list", "show", "merge", "split", "differences"];

export default command({
  name: "duplicates",
  rest: true,
  description: "Records that may be the same: lists them, makes one of them, takes one apart",
  args: ARGS,
  async run({ args, rest, env, out }: Context<typeof ARGS>) {
    if (!DOES.includes(args.do)) throw misuse(`There is no duplicates ${args.do}: ${DOES.join(", ")}.`);
    const reads = args.do !== "merge" && args.do !== "split";
    const { space, close } = await openIngest(args, env, reads);
    try {
      const { collection, id } = args;
      if (args.do === "list") return await list(space, collection, out);
      if (args.do === "differences") return await differences(space, collection, out);
      if (id === undefined) throw misuse(`duplicates ${args.do} needs the ID of a record.`);
      if (args.do === "show") return await show(space, collection, id, out);
      const order: DuplicatesOrder =
        args.do === "merge" ? { do: "merge", ids: [id, ...rest] } : { do: "split", id, keys: [...rest] };
      return await decide(space, collection, order, out);
    } finally {
      await close();
    }
  },
});

function pathOf(collection: string): string {
  return `/ingest/duplicates/${encodeURIComponent(collection)}`;
}

async function list(space: Space, collection: string, out: Output): Promise<void> {
  const { pairs: all } = await askJson<DuplicatesResponse>(space, pathOf(collection));
  for (const question of all) out.data(question);
  const rows = all.map(({ entities, score, doubt, evidence }) => [
    ...entities,
    score.toFixed(3),
    doubt,
    evidence.map(({ field, similarity }) => `${field} ${similarity.toFixed(2)}`).join(", "),
  ]);
  out.print(
    rows.length === 0
      ? "Nobody has to be asked about anything."
      : table([["RECORD", "RECORD", "SCORE", "DOUBT", "ALIKE"], ...rows]),
  );
}

async function show(space: Space, collection: string, id: string, out: Output): Promise<void> {
  const found = await askJson<ShownEntity>(space, `${pathOf(collection)}/${encodeURIComponent(id)}`);
  out.data(found);
  const { entity, members } = found;
  for (const { key, at, own } of members) out.print(`${key}  ${at ?? ""}  by itself ${own}`);
  const rows = Object.entries(entity.from).map(([atom, from]) => [
    `  ${atom}`,
    shown(entity.record[atom]),
    from.join(", "),
  ]);
  out.print(table(rows));
}

async function differences(space: Space, collection: string, out: Output): Promise<void> {
  const response = await ask(space, `/ingest/differences/${encodeURIComponent(collection)}`);
  for await (const text of linesOf(space, response)) {
    const line = JSON.parse(text) as DifferenceLine;
    if (line.op === "error") throw failureInLine(space, line as unknown as Line);
    if (line.op === "end") return;
    const { id, differences: all } = line;
    out.data({ id, differences: all });
    for (const { atom, kind, values } of all) {
      const said = values.map(({ value, from }) => `${shown(value)} (${from.join(", ")})`);
      out.print(`${id} ${atom}: another ${kind}: ${said.join(" · ")}`);
    }
  }
}

async function decide(space: Space, collection: string, order: DuplicatesOrder, out: Output): Promise<void> {
  const decision = await askJson<Decision>(space, pathOf(collection), order);
  const [first, ...rest] = decision.records.map((record) => `${collection}/${record}`);
  const text =
    order.do === "merge"
      ? `${rest.join(", ")} became part of ${first}`
      : `${rest.join(", ")} was taken out of ${first}`;
  out.result(`${text}, in revision ${decision.revision}.`, decision);
}
