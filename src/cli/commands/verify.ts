import { existsSync } from "node:fs";
import type { VerifyReport } from "../../client/index.ts";
import { command, SPACE_ARGS } from "../command.ts";
import { Failure, misuse } from "../failure.ts";
import { clientOf, openReplica } from "../replica.ts";
import { remoteSpace } from "../where.ts";

export default command({
  name: "verify",
  description: "Compares a replica with its server, and repairs what differs",
  args: {
    url: { type: "positional", required: true, description: "the server's address" },
    store: { type: "string", required: true, description: "the replica that follow keeps", valueHint: "FILE" },
    ...SPACE_ARGS,
  },
  async run({ args, env, out }) {
    if (!existsSync(args.store)) throw misuse(`There is no replica ${args.store}: tidemark follow --store makes one.`);
    const client = clientOf(remoteSpace(args.url, args, env), await openReplica(args.store));
    try {
      const subscriptions = await client.subscriptions();
      if (subscriptions.length === 0) throw new Failure(`${args.store} follows nothing yet: tidemark follow fills it.`);
      const report = await client.verify();
      out.data(report);
      for (const line of linesOf(report)) out.print(line);
      return report.ok ? 0 : 1;
    } finally {
      await client.close();
    }
  },
});

const KINDS = {
  missing: "was missing here",
  extra: "was here, and not on the server",
  changed: "had other content here",
};

function linesOf({ subscriptions }: VerifyReport): string[] {
  return subscriptions.flatMap(({ key, revision, count, differences, copied }) => {
    const found = differences.map(({ collection, id, kind }) => `${collection}/${id} ${KINDS[kind]}: repaired`);
    const end = copied ? ", after all of it was copied anew" : "";
    return [...found, `${key} is equal to the server's at revision ${revision}: ${count} records${end}`];
  });
}
