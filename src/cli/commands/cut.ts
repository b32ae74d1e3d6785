import { askJson } from "../api.ts";
import { command, SPACE_ARGS } from "../command.ts";
import { misuse } from "../failure.ts";
import { parseAge } from "../values.ts";
import { openWhere } from "../where.ts";

interface CutResponse {
  readonly removed: number;
  readonly horizon: { readonly journal: number; readonly tombstones: number };
}

export default command({
  name: "cut",
  description: "Cuts the journal, and the tombstones, that are older than an age",
  args: {
    where: { type: "positional", required: true, description: "a server's address, a data folder or postgres://…" },
    journal: { type: "string", description: "keep the journal of the last 30d, 12h …", valueHint: "AGE" },
    tombstones: {
      type: "string",
      description: "keep tombstones this long; never shorter than the journal",
      valueHint: "AGE",
    },
    ...SPACE_ARGS,
  },
  async run({ args, env, out }) {
    const { journal, tombstones } = args;
    if (journal === undefined)
      throw misuse("Say what to keep: --journal AGE, and --tombstones AGE where those shall go too.");
    if (tombstones !== undefined && parseAge(tombstones, "--tombstones") < parseAge(journal, "--journal")) {
      throw misuse("Tombstones are kept at least as long as the journal: make --tombstones no shorter than --journal.");
    }
    parseAge(journal, "--journal");
    const { space, close } = await openWhere(args.where, args, env, async () => ({}));
    try {
      const cut = await askJson<CutResponse>(space, "/cut", {
        journal,
        ...(tombstones === undefined ? {} : { tombstones }),
      });
      out.result(sentenceOf(space.name, cut), { space: space.name, ...cut });
    } finally {
      await close();
    }
  },
});

function sentenceOf(space: string, { removed, horizon }: CutResponse): string {
  const kept = `The journal of ${space} is kept after revision ${horizon.journal}`;
  return `${kept}, and deltas are possible from revision ${horizon.tombstones}: ${removed} rows removed.`;
}
