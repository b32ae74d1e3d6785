import { readFileSync } from "node:fs";
import { inspect, stripVTControlCharacters } from "node:util";
import { type CommandDef, renderUsage, runCommand } from "citty";
import picocolors from "picocolors";
import { failureOf, misuse } from "./failure.ts";

/** In the order of a first day. Each is loaded only when it is called. */
const COMMANDS: { readonly [name: string]: () => Promise<{ default: unknown }> } = {
  init: () => import("./commands/init.ts"),
  serve: () => import("./commands/serve.ts"),
  import: () => import("./commands/import.ts"),
  export: () => import("./commands/export.ts"),
  head: () => import("./commands/head.ts"),
  pull: () => import("./commands/pull.ts"),
  follow: () => import("./commands/follow.ts"),
  edit: () => import("./commands/edit.ts"),
  users: () => import("./commands/users.ts"),
  verify: () => import("./commands/verify.ts"),
  history: () => import("./commands/history.ts"),
  audit: () => import("./commands/audit.ts"),
  backup: () => import("./commands/backup.ts"),
  restore: () => import("./commands/restore.ts"),
  move: () => import("./commands/move.ts"),
  ingest: () => import("./commands/ingest.ts"),
  quarantine: () => import("./commands/quarantine.ts"),
  duplicates: () => import("./commands/duplicates.ts"),
  link: () => import("./commands/link.ts"),
  warehouse: () => import("./commands/warehouse.ts"),
  cut: () => import("./commands/cut.ts"),
  erase: () => import("./commands/erase.ts"),
  conformance: () => import("./commands/conformance.ts"),
  doctor: () => import("./commands/doctor.ts"),
};

interface Package {
  readonly version: string;
  readonly description: string;
}

function ownPackage(): Package {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Package;
}

async function commandNamed(name: string): Promise<CommandDef> {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined)
    throw misuse(`There is no command ${JSON.stringify(name)}. There are: ${Object.keys(COMMANDS).join(", ")}.`);
  return (await load()).default as CommandDef;
}

async function showUsage(name: string | undefined): Promise<void> {
  const { version, description } = ownPackage();
  const subCommands: { [name: string]: CommandDef } = {};
  for (const each of Object.keys(COMMANDS)) subCommands[each] = await commandNamed(each);
  const root: CommandDef = { meta: { name: "tidemark", version, description }, subCommands };
  const text = name === undefined ? await renderUsage(root) : await renderUsage(await commandNamed(name), root);
  process.stdout.write(`${process.stdout.isTTY ? text : stripVTControlCharacters(text)}\n`);
}

async function run(argv: readonly string[]): Promise<void> {
  const [name, ...rest] = argv;
  if (name === "--version" || name === "-v") return void process.stdout.write(`${ownPackage().version}\n`);
  if (name === undefined) {
    await showUsage(undefined);
    process.exitCode = 2;
    return;
  }
  if (name === "--help" || name === "-h" || name === "help") return showUsage(rest[0]);
  const command = await commandNamed(name);
  const options = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (options.includes("--help") || options.includes("-h")) return showUsage(name);
  await runCommand(command, { rawArgs: rest });
}

function fail(error: unknown): void {
  const failure = failureOf(error);
  const red = process.stderr.isTTY === true && process.env.NO_COLOR === undefined;
  process.stderr.write(`${picocolors.createColors(red).red("tidemark:")} ${failure.message}\n`);
  if (process.env.TIDEMARK_DEBUG === "1") process.stderr.write(`${inspect(failure)}\n`);
  process.exitCode = failure.exit;
}

// Whoever reads our output may stop reading (`| head`): that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});
// SQLite in Node still announces itself as experimental, on every start, to people who cannot act on it.
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name !== "ExperimentalWarning") process.stderr.write(`${warning.name}: ${warning.message}\n`);
});

await run(process.argv.slice(2)).catch(fail);
