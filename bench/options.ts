import { parseArgs } from "node:util";

export interface Options {
  readonly json: boolean;
  readonly write: boolean;
  readonly large: boolean;
  readonly profile: boolean;
  readonly runs: number;
  /** Names of work, in upper case; empty: all. */
  readonly only: readonly string[];
}

export interface Taken {
  /** Runs where none are named. */
  readonly runs?: number;
  /** Whether the command can take profiles. */
  readonly profile?: boolean;
}

/** What the command line asks for; throws an Error that a person can act on. `names`: what --only takes. */
export function optionsOf(
  args: readonly string[],
  names: readonly string[],
  { runs: few = 5, profile = true }: Taken = {},
): Options {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      json: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      large: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      runs: { type: "string", default: String(few) },
      only: { type: "string", multiple: true, default: [] },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1 || runs > 100)
    throw new Error(`--runs ${values.runs}: expected a number from 1 to 100`);
  if (values.profile && !profile) throw new Error("--profile: this command takes none; npm run bench does");
  const only = values.only.flatMap((name) => name.split(",")).map((name) => name.trim().toUpperCase());
  const known = names.map((name) => name.toUpperCase());
  const stranger = only.find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Error(`--only ${stranger}: expected one of ${names.join(", ")}`);
  if (values.write && (only.length > 0 || values.profile))
    throw new Error("--write writes the whole section: leave out --only and --profile");
  return { ...values, runs, only };
}

/** The options, or null where they are wrong: then that has been said. */
export function optionsOrComplaint(names: readonly string[], taken: Taken = {}): Options | null {
  try {
    return optionsOf(process.argv.slice(2), names, taken);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.stderr.write(
      `options: --only ${names.join("|")} --runs N --large --json --write${taken.profile === false ? "" : " --profile"}\n`,
    );
    process.exitCode = 2;
    return null;
  }
}
