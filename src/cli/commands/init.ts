import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../command.ts";
import { checkFolder } from "../data.ts";
import { Failure } from "../failure.ts";

const FILE = "tidemark.config.ts";

const TEMPLATE = `import { collection, defineConfig } from "tidemark/server";
import { z } from "zod";

// A record is an id and its atoms: the fields that can change, and be in conflict, one by one.
const Task = z.object({
  id: z.string(),
  project: z.string(),
  title: z.string().min(1),
  done: z.boolean().optional(),
});

export default defineConfig({
  // A first write creates its space; give a list of names to allow no others.
  spaces: "open",
  collections: {
    tasks: collection({
      schema: Task,
      // The parts of the space that a client can hold, and that a token can permit.
      scopes: (task) => [\`project/\${task.project}\`],
    }),
  },
});
`;

export default command({
  name: "init",
  description: "Writes tidemark.config.ts with a first schema",
  args: {
    folder: { type: "positional", required: false, description: "where; here by default", default: "." },
  },
  async run({ args, out }) {
    const file = join(args.folder, FILE);
    checkFolder(args.folder);
    if (existsSync(file)) throw new Failure(`${file} exists already, and is left as it is.`);
    writeFileSync(file, TEMPLATE, { flag: "wx" });
    out.print(`${file} is written. Next:`);
    out.print(`  tidemark serve${args.folder === "." ? "" : ` ${file}`}`);
    out.print(`  tidemark edit http://127.0.0.1:4848 tasks t1 project=home title="Water the plants"`);
    out.print("  tidemark follow http://127.0.0.1:4848 --scope project/home");
  },
});
