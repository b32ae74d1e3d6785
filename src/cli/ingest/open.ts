import type { Ingest, Task } from "../../ingest/index.ts";
import type { Environment } from "../command.ts";
import { loadConfig } from "../config.ts";
import { isPostgres, openData } from "../data.ts";
import { Failure, misuse } from "../failure.ts";

export const INGEST_ARGS = {
  config: { type: "string", description: "the configuration; tidemark.config.ts by default", valueHint: "FILE" },
  data: {
    type: "string",
    description: "the data folder, or postgres://… (or TIDEMARK_DATA); ./data by default",
    valueHint: "DIR|URL",
  },
  space: {
    type: "string",
    description: "the space; by default that of the configuration, where it is one",
    valueHint: "S",
  },
  json: { type: "boolean", description: "standard output holds only JSON, for programs" },
} as const;

interface Args {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly space?: string | undefined;
}

export interface OpenIngest {
  readonly ingest: Ingest;
  readonly space: string;
  close(): Promise<void>;
}

/** The streams of the configuration over the data; `readonly` also works beside a server that has the folder open. */
export async function openIngest(args: Args, env: Environment, readonly: boolean): Promise<OpenIngest> {
  const { ingestOf } = await import("../../ingest/index.ts");
  const data = args.data ?? env.TIDEMARK_DATA ?? "data";
  const { config, path } = await loadConfig(args.config, env);
  const spaces = Object.keys(config.ingest ?? {});
  const [only] = spaces;
  if (only === undefined)
    throw misuse(`${path ?? "The configuration"} names no streams: see \`ingest\` in docs/ingest.md.`);
  if (args.space === undefined && spaces.length > 1) throw misuse(`Say which --space: ${spaces.join(", ")}.`);
  const store = await openData(data, readonly);
  try {
    const ingest = ingestOf({ store, config, folder: isPostgres(data) ? null : data });
    return { ingest, space: args.space ?? only, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw new Failure(`${path} is wrong: ${(error as Error).message}.`, 2, { cause: error });
  }
}

/** The streams that a command is about: one by its name or its stream's, else all of the space. */
export function tasksNamed({ ingest, space }: OpenIngest, name: string | undefined): readonly Task[] {
  const all = ingest.tasks.filter((task) => task.space === space);
  if (name === undefined) return all;
  const found = all.filter((task) => task.name === name || task.pickup.source.name === name);
  if (found.length === 0)
    throw misuse(`There is no stream ${name} in ${space}: there are ${all.map((task) => task.name).join(", ")}.`);
  return found;
}

export function timeOf(time: number | null): string {
  return time === null ? "never" : new Date(time).toISOString().slice(0, 19).replace("T", " ");
}
