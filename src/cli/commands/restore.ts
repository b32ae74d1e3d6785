import { existsSync } from "node:fs";
import { join } from "node:path";
import { restore } from "../../store/sqlite/index.ts";
import { command, JSON_ARG } from "../command.ts";
import { checkFolder, checkNoPostgres } from "../data.ts";
import { Failure, misuse } from "../failure.ts";

const POLICIES = {
  heal: "clients will offer again what they had written since",
  discard: "clients will drop what they had written since, and list it to their applications",
};

export default command({
  name: "restore",
  description: "Puts a backup into a data folder that no server has open",
  args: {
    file: { type: "positional", required: true, description: "the backup" },
    dir: { type: "positional", required: true, description: "the data folder; see --overwrite" },
    policy: {
      type: "enum",
      description: "what clients do with acknowledged writes that the backup lacks",
      options: Object.keys(POLICIES),
      default: "heal",
    },
    overwrite: { type: "boolean", description: "replace the database that the folder holds" },
    ...JSON_ARG,
  },
  async run({ args, out }) {
    const { file, dir, policy } = args;
    checkNoPostgres(dir, "restore it with pg_restore while no server runs, and set `restore` in the configuration");
    if (!existsSync(file)) throw misuse(`There is no backup ${file}.`);
    checkFolder(dir);
    if (existsSync(join(dir, "tidemark.db")) && args.overwrite !== true) {
      throw new Failure(`${dir} holds a database already: --overwrite replaces it (take a backup of it first).`);
    }
    await restore(file, dir, policy as keyof typeof POLICIES, { overwrite: args.overwrite === true });
    out.result(`${dir} is restored from ${file}: ${POLICIES[policy as keyof typeof POLICIES]}.`, { file, dir, policy });
  },
});
