import { Duplicates } from "../../ingest/index.ts";
import { type Context, command } from "../command.ts";
import { Failure, misuse } from "../failure.ts";
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
    const { ingest, space, close } = await openIngest(args, env, reads);
    try {
      const duplicates = opened(() => new Duplicates(ingest, space, args.collection));
      const { id } = args;
      if (args.do === "list") return await list(duplicates, out);
      if (args.do === "differences") return await differences(duplicates, out);
      if (id === undefined) throw misuse(`duplicates ${args.do} needs the ID of a record.`);
      if (args.do === "show") return await show(duplicates, args.collection, id, out);
      return await decide(duplicates, args.do === "merge", args.collection, id, rest, out);
    } finally {
      await close();
    }
  },
});

/** What a person asked for and cannot have, in a sentence. */
function opened<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failureOf(error);
  }
}

function failureOf(error: unknown): unknown {
  const { name, message } = error as Error;
  return name === "ReviewError" ? new Failure(`${message}.`, 1, { cause: error }) : error;
}

async function list(duplicates: Duplicates, out: Output): Promise<void> {
  const all = await duplicates.list();
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

async function show(duplicates: Duplicates, collection: string, id: string, out: Output): Promise<void> {
  const found = await duplicates.show(id);
  if (found === null) throw new Failure(`${collection}/${id} was not made of source records, or is not there.`);
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

async function differences(duplicates: Duplicates, out: Output): Promise<void> {
  for await (const each of duplicates.differences()) {
    out.data(each);
    for (const { atom, kind, values } of each.differences) {
      const said = values.map(({ value, from }) => `${shown(value)} (${from.join(", ")})`);
      out.print(`${each.id} ${atom}: another ${kind}: ${said.join(" · ")}`);
    }
  }
}

async function decide(
  duplicates: Duplicates,
  merges: boolean,
  collection: string,
  id: string,
  others: readonly string[],
  out: Output,
): Promise<void> {
  const work = merges ? duplicates.merge([id, ...others]) : duplicates.split(id, others);
  const decision = await work.catch((error: unknown) => {
    throw failureOf(error);
  });
  const [first, ...rest] = decision.records.map((record) => `${collection}/${record}`);
  const text = merges ? `${rest.join(", ")} became part of ${first}` : `${rest.join(", ")} was taken out of ${first}`;
  out.result(`${text}, in revision ${decision.revision}.`, decision);
}
