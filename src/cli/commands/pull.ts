import { once } from "node:events";
import type { Filter } from "../../model/filter.ts";
import type { Line } from "../../wire/lines.ts";
import type { PullRequest } from "../../wire/pull.ts";
import { ask, failureInLine, linesOf } from "../api.ts";
import { command, SPACE_ARGS } from "../command.ts";
import { CopyBar } from "../copy-bar.ts";
import { Failure } from "../failure.ts";
import { parseJsonObject, parseWhole } from "../values.ts";
import { openWhere } from "../where.ts";

export default command({
  name: "pull",
  description: "Prints the lines of a delta, or of a copy, as they come",
  args: {
    where: { type: "positional", required: true, description: "a server's address, a data folder or postgres://…" },
    scope: { type: "string", description: "what to pull; * is the whole space", valueHint: "SCOPE", default: "*" },
    cursor: {
      type: "string",
      description: "what the last pull ended with; without it all is copied",
      valueHint: "CURSOR",
    },
    collection: { type: "string", description: "only these collections, with commas between them", valueHint: "NAMES" },
    filter: { type: "string", description: `only records like this: '{"status":"open"}'`, valueHint: "JSON" },
    wait: { type: "string", description: "seconds to wait for news", valueHint: "SECONDS" },
    ...SPACE_ARGS,
  },
  async run({ args, env, out }) {
    const request = requestOf(args);
    const { space, close } = await openWhere(args.where, args, env);
    try {
      let last: Line | undefined;
      // Lines on a terminal leave no place for a bar.
      const bar = process.stdout.isTTY === true ? null : new CopyBar(out);
      for await (const text of linesOf(space, await ask(space, "/pull", request))) {
        await print(text);
        bar?.take(text);
        if (/^\{"op":"(end|error)"/.test(text)) last = JSON.parse(text) as Line;
      }
      bar?.stop();
      if (last?.op === "error") throw failureInLine(space, last);
      if (last === undefined) throw new Failure(`${space.place} broke off before the end: pull again.`);
    } finally {
      await close();
    }
  },
});

interface PullArgs {
  readonly scope: string;
  readonly cursor?: string | undefined;
  readonly collection?: string | undefined;
  readonly filter?: string | undefined;
  readonly wait?: string | undefined;
}

function requestOf({ scope, cursor, collection, filter, wait }: PullArgs): PullRequest {
  const subscription = {
    scope,
    cursor: cursor ?? null,
    ...(collection === undefined ? {} : { collections: collection.split(",") }),
    ...(filter === undefined ? {} : { where: parseJsonObject(filter, "--filter") as Filter }),
  };
  return {
    subscriptions: [subscription],
    ...(wait === undefined ? {} : { wait: parseWhole(wait, "--wait", 0, 60) }),
  };
}

/** Waits where the reader is slower than the server, so that nothing piles up here. */
async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
}
