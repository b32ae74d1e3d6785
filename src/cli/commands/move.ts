import { join } from "node:path";
import { MOVED } from "../../store/move/source.ts";
import { command, JSON_ARG } from "../command.ts";
import { checkFolder, checkNoPostgres, isPostgres, shownData } from "../data.ts";
import { misuse } from "../failure.ts";
import { type Progress, table } from "../output.ts";

export default command({
  name: "move",
  description: "Moves a data folder that no server has open into a database of PostgreSQL",
  args: {
    dir: { type: "positional", required: true, description: "the data folder" },
    to: {
      type: "positional",
      required: true,
      description: "postgres://user@host/database?schema=NAME, without spaces yet",
    },
    ...JSON_ARG,
  },
  async run({ args: { dir, to }, out }) {
    checkNoPostgres(dir, "what is moved is a data folder; between databases, use pg_dump and pg_restore");
    checkFolder(dir);
    // It is not repeated: it may hold a password.
    if (!isPostgres(to)) throw misuse("What is moved to is a database of PostgreSQL: postgres://user@host/database.");
    const { moveToPostgres } = await import("../../store/move/move.ts");
    let bar: Progress | null = null;
    const moved = await moveToPostgres(dir, { url: to }, (done, of) => {
      bar ??= out.progress("move", of, "rows");
      bar.update(done);
    }).finally(() => bar?.stop());
    const [there, was] = [shownData(to), join(dir, MOVED)];
    out.print(table([["table", "rows"], ...Object.entries(moved.rows).map(([name, rows]) => [name, String(rows)])]));
    out.print(
      `All of ${dir} ${moved.before ? "had been moved before: it" : ""} is in ${there}. Its database is ${was} now.`,
    );
    out.data({ from: dir, to: there, ...moved });
  },
});
