import { type LinkHost, NO_LINKS } from "../../server/index.ts";
import { openCopy } from "../carry.ts";
import type { Environment } from "../command.ts";
import { loadConfig } from "../config.ts";
import { openData, shownData } from "../data.ts";
import { Failure, misuse } from "../failure.ts";
import type { Output } from "../output.ts";

interface CopyArgs {
  readonly file: string;
  readonly where: string;
  readonly link: string;
  readonly space: string;
  readonly config?: string | undefined;
}

/** Fills a link's mirror from a file that `export` wrote, while no server runs the link (S8). */
export async function importCopy(args: CopyArgs, env: Environment, out: Output): Promise<number> {
  const { file, where, link, space } = args;
  if (/^https?:/i.test(where)) {
    throw misuse("A copy is imported into a data folder or a database, before the server starts that runs the link.");
  }
  const copy = await openCopy(file);
  const { createServer } = await import("../../server/index.ts");
  const { NotCarried, planOf, takeCarried } = await import("../../peer/index.ts");
  const { config } = await loadConfig(args.config, env);
  const store = await openData(where);
  let host: LinkHost | null = null;
  const own = { ...config, users: false as const, auth: { open: true } };
  const server = createServer({
    store,
    config: own,
    links: (given) => {
      host = given;
      return NO_LINKS;
    },
  });
  try {
    const plan = await planOf(host as unknown as LinkHost, space, link);
    if (plan === null) {
      throw new Failure(`Neither the configuration nor ${shownData(where)} has a link ${link} of the space ${space}.`);
    }
    await takeCarried(host as unknown as LinkHost, space, plan, copy);
    const said = `${link} is complete to revision ${copy.revision} of upstream, and goes on from there.`;
    out.result(said, { link, scope: copy.scope, revision: copy.revision });
    return 0;
  } catch (error) {
    if (error instanceof NotCarried) throw new Failure(`${error.message[0]?.toUpperCase()}${error.message.slice(1)}.`);
    throw error;
  } finally {
    await server.close();
  }
}
