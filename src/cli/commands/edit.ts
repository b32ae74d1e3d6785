import type { Client } from "../../client/index.ts";
import type { Outcome } from "../../model/mutation.ts";
import type { RecordData } from "../../model/record.ts";
import type { JsonObject } from "../../util/json.ts";
import { command, SPACE_ARGS } from "../command.ts";
import { Failure, misuse } from "../failure.ts";
import { type Output, reasonOf, shown } from "../output.ts";
import { clientOf, openReplica } from "../replica.ts";
import { parseAtom } from "../values.ts";
import { remoteSpace } from "../where.ts";

export default command({
  name: "edit",
  description: "Writes atoms of one record, through a client with its queue",
  rest: true,
  args: {
    url: { type: "positional", required: true, description: "the server's address" },
    collection: { type: "positional", required: true, description: "the record's collection" },
    id: { type: "positional", required: true, description: "the record's id; a new one makes a record" },
    delete: { type: "boolean", description: "delete the record" },
    scope: { type: "string", description: "where to look for the record", valueHint: "SCOPE", default: "*" },
    store: { type: "string", description: "use this replica and its queue", valueHint: "FILE" },
    ...SPACE_ARGS,
  },
  async run({ args, rest, env, out }) {
    const atoms: JsonObject = Object.fromEntries(rest.map(parseAtom));
    if (args.delete !== true && rest.length === 0) throw misuse("Say what to write: atom=value, or --delete.");
    if (args.delete === true && rest.length > 0) throw misuse("--delete takes the whole record: leave out the atoms.");
    const client = clientOf(remoteSpace(args.url, args, env), await openReplica(args.store));
    const edit: Edit = { collection: args.collection, id: args.id, atoms: args.delete === true ? null : atoms };
    try {
      if (args.store === undefined) {
        client.subscribe({ scope: args.scope, key: "edit", collections: [edit.collection], where: { id: edit.id } });
        await client.sync().catch(passNewSpace);
      }
      return await apply(client, edit, out, args.store);
    } finally {
      await client.close();
    }
  },
});

interface Edit {
  readonly collection: string;
  readonly id: string;
  /** Null: delete. */
  readonly atoms: JsonObject | null;
}

async function apply(client: Client, edit: Edit, out: Output, store: string | undefined): Promise<number> {
  const { collection, id, atoms } = edit;
  const before = await client.get(collection, id);
  if (before === null && atoms === null) throw new Failure(`There is no ${collection}/${id}.`);
  const { local, settled } = client.mutate((tx) => {
    if (atoms === null) tx.delete(collection, id);
    else if (before === null) tx.insert(collection, { ...withoutNulls(atoms), id } as RecordData);
    else tx.update(collection, id, atoms);
  });
  await local;
  // Without it the program would hear of a rejection that nobody waits for any more.
  settled.catch(() => {});
  try {
    await Promise.race([settled, sent(client)]);
  } catch (error) {
    if (store === undefined) throw error;
    const cause = (error as Error).message.replace(/\.?$/, ".");
    throw new Failure(`Not sent yet, and kept in ${store}: ${cause} tidemark follow --store ${store} will send it.`);
  }
  const outcome = await settled;
  const now = await client.get(collection, id);
  out.data({ collection, id, outcome, record: now });
  out.print(textOf(edit, before, now, outcome));
  return outcome.status === "applied" ? 0 : 1;
}

const TRIES = 4;

/** Resolves when what was queued is sent and answered. In a space that is not there yet, that is what creates it. */
async function sent(client: Client): Promise<void> {
  for (let attempt = 1; attempt < TRIES; attempt++) {
    if (await client.sync().then(() => true, passNewSpace)) return;
  }
  await client.sync();
}

/** The first write may create the space: that it is not there is no failure yet. */
function passNewSpace(error: unknown): false {
  if ((error as { code?: unknown }).code !== "unknown-space") throw error;
  return false;
}

function withoutNulls(atoms: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(atoms).filter(([, value]) => value !== null));
}

function textOf(
  { collection, id, atoms }: Edit,
  before: RecordData | null,
  now: RecordData | null,
  outcome: Outcome,
): string {
  const name = `${collection}/${id}`;
  const at = `(revision ${outcome.revision})`;
  switch (outcome.status) {
    case "rejected":
      return `rejected: ${name}: ${reasonOf(outcome)}`;
    case "unknown":
      return `${name}: settled once, and the server no longer knows how ${at}`;
    case "superseded": {
      const stand = outcome.superseded.flatMap(({ atoms }) => atoms.map((atom) => `${atom} ${shown(now?.[atom])}`));
      const reasons = [...new Set(outcome.superseded.map(({ reason }) => reason))].join(", ");
      return `superseded (${reasons}): ${name}: the server's value stands: ${stand.join(", ") || "the whole record"} ${at}`;
    }
    case "applied": {
      if (atoms === null) return `applied: ${name}: deleted ${at}`;
      const names = Object.keys(atoms).filter((atom) => shown(before?.[atom]) !== shown(now?.[atom]));
      const changes = names.map((atom) => `${atom} ${shown(before?.[atom])} → ${shown(now?.[atom])}`);
      return `applied: ${name}: ${changes.join(", ") || "nothing changed"} ${at}`;
    }
  }
}
