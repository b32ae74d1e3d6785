import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { backup } from "../../store/sqlite/index.ts";
import { command, JSON_ARG } from "../command.ts";
import { checkFolder, checkNoPostgres } from "../data.ts";
import { Failure, misuse } from "../failure.ts";

/** Of the database, in bytes. */
const PAGE = 4_096;

export default command({
  name: "backup",
  description: "Writes a consistent copy of a data folder into a file, also while the server runs",
  args: {
    dir: { type: "positional", required: true, description: "the data folder" },
    file: { type: "positional", required: true, description: "the copy; it must not exist yet" },
    ...JSON_ARG,
  },
  async run({ args: { dir, file }, out }) {
    checkNoPostgres(dir, "back it up with pg_dump --schema=tidemark (or the schema you gave), also while servers run");
    checkFolder(dir);
    if (!existsSync(join(dir, "tidemark.db"))) throw misuse(`${dir} is no data folder: there is no tidemark.db in it.`);
    if (existsSync(file)) throw new Failure(`${file} exists already, and is left as it is: name another file.`);
    const progress = out.progress("backup", Math.ceil(statSync(join(dir, "tidemark.db")).size / PAGE), "pages");
    try {
      await backup(dir, file, (copied) => progress.update(copied));
    } finally {
      progress.stop();
    }
    const { size } = statSync(file);
    out.result(`${file} holds all of ${dir} (${size} bytes).`, { file, bytes: size });
  },
});
