import { exportCopy } from "../carry.ts";
import { command, SPACE_ARGS } from "../command.ts";
import { openWhere } from "../where.ts";

export default command({
  name: "export",
  description: "Writes a copy of a scope into a file, from which a link can begin",
  args: {
    where: { type: "positional", required: true, description: "a server's address, a data folder or postgres://…" },
    file: { type: "positional", required: true, description: "the file to write; FILE.part until it is whole" },
    scope: { type: "string", description: "what to copy; * is the whole space", valueHint: "SCOPE", default: "*" },
    ...SPACE_ARGS,
  },
  async run({ args, env, out }) {
    const { space, close } = await openWhere(args.where, args, env);
    try {
      const { records, revision } = await exportCopy(space, args.scope, args.file);
      out.result(`${args.file}: ${records} records of ${args.scope} at revision ${revision}`, {
        file: args.file,
        scope: args.scope,
        records,
        revision,
      });
    } finally {
      await close();
    }
  },
});
