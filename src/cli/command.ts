import { parseArgs as parseStrictly } from "node:util";
import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from "citty";
import { misuse } from "./failure.ts";
import { type Output, openOutput } from "./output.ts";

export type Environment = { readonly [name: string]: string | undefined };

/** The options of every command that speaks to a space. */
export const SPACE_ARGS = {
  space: { type: "string", description: "the space", valueHint: "S", default: "main" },
  token: { type: "string", description: "a bearer token (or TIDEMARK_TOKEN)", valueHint: "T" },
  json: { type: "boolean", description: "standard output holds only JSON, for programs" },
} as const satisfies ArgsDef;

export const JSON_ARG = { json: SPACE_ARGS.json } as const satisfies ArgsDef;

export interface Context<A extends ArgsDef> {
  readonly args: ParsedArgs<A>;
  /** Positional arguments beyond those that have a name. */
  readonly rest: readonly string[];
  readonly env: Environment;
  readonly out: Output;
  /** Aborted by Ctrl-C and SIGTERM, for commands that `lasts`; the others end at once. */
  readonly stop: AbortSignal;
}

export interface Command<A extends ArgsDef> {
  readonly name: string;
  readonly description: string;
  readonly args: A;
  /** Whether it takes arguments beyond those that have a name. */
  readonly rest?: boolean;
  /** Whether it goes on until it is stopped, or has something to finish when it is. */
  readonly lasts?: boolean;
  /** Gives the exit code; nothing is 0. */
  run(context: Context<A>): Promise<number | void>;
}

/** A command that refuses what it does not know, instead of doing something else than was meant. */
export function command<const A extends ArgsDef>(def: Command<A>): CommandDef<A> {
  return defineCommand<A>({
    meta: { name: def.name, description: def.description },
    args: def.args,
    setup: ({ rawArgs }) => checkArguments(rawArgs, def.args, def.rest === true),
    async run({ args }) {
      const named = Object.values(def.args).filter((arg) => arg.type === "positional").length;
      const stop = new AbortController();
      const release = def.lasts === true ? listenForStop(stop) : () => {};
      try {
        const out = openOutput((args as { json?: boolean }).json === true, process, process.env);
        const code = await def.run({
          args: args as ParsedArgs<A>,
          rest: args._.slice(named),
          env: process.env,
          out,
          stop: stop.signal,
        });
        process.exitCode = code ?? 0;
      } finally {
        release();
      }
    },
  });
}

/** The first signal asks; a second one ends the process as it would without us. */
function listenForStop(controller: AbortController): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const release = () => {
    for (const signal of signals) process.off(signal, ask);
  };
  const ask = () => {
    release();
    controller.abort();
  };
  for (const signal of signals) process.on(signal, ask);
  return release;
}

/** citty lets unknown options and surplus arguments pass; a typing error must not. */
export function checkArguments(raw: readonly string[], defs: ArgsDef, rest: boolean): void {
  const options: { [name: string]: { type: "string" | "boolean" } } = {};
  let positionals = 0;
  for (const [name, def] of Object.entries(defs)) {
    if (def.type === "positional") positionals++;
    else options[name] = { type: def.type === "boolean" ? "boolean" : "string" };
  }
  const { positionals: given, tokens } = parsed(raw, options);
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    if (seen.has(token.name)) throw misuse(`--${token.name} is given twice. See --help.`);
    seen.add(token.name);
  }
  const surplus = rest ? undefined : given[positionals];
  if (surplus !== undefined) throw misuse(`${JSON.stringify(surplus)} is one argument too many. See --help.`);
}

function parsed(raw: readonly string[], options: { [name: string]: { type: "string" | "boolean" } }) {
  try {
    return parseStrictly({ args: [...raw], options, allowPositionals: true, strict: true, tokens: true });
  } catch (error) {
    throw misuse(`${(error as Error).message.split(/[.\n]/)[0]}. See --help.`);
  }
}

/** What a user writes with commas between, such as scopes. */
export function listOf(text: string): string[] {
  return text.split(",").filter((part) => part !== "");
}
