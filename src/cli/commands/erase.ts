import type { EraseResponse } from "../../wire/erase.ts";
import { askJson } from "../api.ts";
import { command, SPACE_ARGS } from "../command.ts";
import { loadConfig } from "../config.ts";
import { table } from "../output.ts";
import { openWhere } from "../where.ts";

export default command({
  name: "erase",
  description: "Erases a record for good: its values go wherever they went, and stay gone after a restore",
  args: {
    where: { type: "positional", required: true, description: "a server's address, a data folder or postgres://…" },
    collection: { type: "positional", required: true, description: "the record's collection" },
    id: { type: "positional", required: true, description: "the record's id" },
    config: { type: "string", description: "the configuration of a data folder or database", valueHint: "FILE" },
    ...SPACE_ARGS,
  },
  async run({ args, env, out }) {
    const { collection, id } = args;
    const config = async () => (await loadConfig(args.config, env)).config;
    const { space, close } = await openWhere(args.where, args, env, config);
    try {
      const erased = await askJson<EraseResponse>(space, "/erase", { collection, id });
      out.data({ space: space.name, ...erased });
      const { removed } = erased;
      if (removed.length === 0) {
        out.print(`Of ${collection}/${id} nothing was found in ${space.name}. The order is kept all the same.`);
        return 1;
      }
      out.print(table([["PLACE", "REMOVED"], ...removed.map(({ place, count }) => [place, String(count)])]));
      out.print(`Clients, links and warehouses follow when they next ask, by revision ${erased.revision}.`);
      return 0;
    } finally {
      await close();
    }
  },
});
