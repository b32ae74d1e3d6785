import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { command, type Environment, JSON_ARG } from "../command.ts";
import { loadConfig } from "../config.ts";
import { isPostgres, openData, shownData } from "../data.ts";
import { failureOf } from "../failure.ts";

/** Below this a disk is called nearly full, in bytes. */
const SCARCE = 536_870_912;
/** A data folder is copied whole by a backup, and for a while kept twice by a restore. */
const COPIES = 2;

interface Finding {
  readonly what: string;
  readonly state: "fine" | "note" | "wrong";
  /** What was found and, where it is not fine, what to do. */
  readonly text: string;
}

export default command({
  name: "doctor",
  description: "Looks at configuration, store, disk and versions, and says the cure",
  args: {
    config: { type: "positional", required: false, description: "the configuration; tidemark.config.ts by default" },
    data: {
      type: "string",
      description: "the data folder, or postgres://… (or TIDEMARK_DATA); ./data by default",
      valueHint: "DIR|URL",
    },
    ...JSON_ARG,
  },
  async run({ args, env, out }) {
    const data = args.data ?? env.TIDEMARK_DATA ?? "data";
    const findings = [
      nodeVersion(),
      await configuration(args.config, env),
      ...(isPostgres(data) ? await database(data) : [folder(data), await store(data), disk(data)]),
    ];
    const { green, yellow, red } = out.colors;
    const marks = { fine: green("fine "), note: yellow("note "), wrong: red("wrong") };
    for (const { what, state, text } of findings) out.print(`${marks[state]}  ${what}: ${text}`);
    out.data(findings);
    return findings.some(({ state }) => state === "wrong") ? 1 : 0;
  },
});

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const recent = major > 22 || (major === 22 && minor >= 18);
  const text = `Node ${process.versions.node}, SQLite ${process.versions.sqlite ?? "unknown"}`;
  if (recent) return { what: "versions", state: "fine", text };
  return { what: "versions", state: "wrong", text: `${text}: install Node 22.18 or newer` };
}

async function configuration(given: string | undefined, env: Environment): Promise<Finding> {
  const what = "configuration";
  try {
    const { config, path } = await loadConfig(given, env);
    if (path === null)
      return {
        what,
        state: "note",
        text: "there is none here, so any collection is taken as it comes: tidemark init writes one",
      };
    if (config.collections === undefined)
      return { what, state: "note", text: `${path} names no collections, so any is taken as it comes: name them` };
    const names = Object.keys(config.collections);
    if (names.length === 0)
      return { what, state: "note", text: `${path} has no collections, so nothing can be written: add one` };
    return { what, state: "fine", text: `${path}, collections: ${names.join(", ")}` };
  } catch (error) {
    return { what, state: "wrong", text: failureOf(error).message };
  }
}

function folder(data: string): Finding {
  const what = "data folder";
  if (!existsSync(data)) return { what, state: "note", text: `${data} is not there yet: tidemark serve makes it` };
  if (!statSync(data).isDirectory())
    return { what, state: "wrong", text: `${data} is a file: give a folder with --data` };
  try {
    accessSync(data, constants.R_OK | constants.W_OK | constants.X_OK);
    return { what, state: "fine", text: `${data} can be written` };
  } catch {
    return {
      what,
      state: "wrong",
      text: `${data} may not be written by this user: give it to whoever runs the server (chown)`,
    };
  }
}

async function store(data: string): Promise<Finding> {
  if (existsSync(join(data, "tidemark.db"))) return spacesOf(data);
  return { what: "store", state: "note", text: "empty: the first write makes it" };
}

async function spacesOf(data: string): Promise<Finding> {
  const what = "store";
  try {
    const opened = await openData(data, true);
    try {
      const spaces = await opened.spaces();
      const heads = await Promise.all(
        spaces.map(async (space) => `${space} at revision ${(await opened.head(space))?.revision}`),
      );
      const size = megabytes(await opened.size());
      return { what, state: "fine", text: `${size}, ${heads.length === 0 ? "no spaces" : heads.join(", ")}` };
    } finally {
      await opened.close();
    }
  } catch (error) {
    return { what, state: "wrong", text: failureOf(error).message };
  }
}

/** What a server needs of PostgreSQL, and what makes that what is acknowledged is not durable. */
async function database(data: string): Promise<Finding[]> {
  const { surveyPostgres } = await import("../../store/postgres/index.ts");
  const what = "database";
  try {
    const { version, fsync, tables } = await surveyPostgres({ url: data });
    const text = `PostgreSQL ${version} at ${shownData(data)}`;
    const found: Finding = fsync
      ? { what, state: "fine", text }
      : {
          what,
          state: "wrong",
          text: `${text} runs with fsync = off, so that a power cut may destroy it: set it to on`,
        };
    if (tables) return [found, await spacesOf(data)];
    return [found, { what: "store", state: "note", text: "empty: the first start of a server makes it" }];
  } catch (error) {
    return [{ what, state: "wrong", text: failureOf(error).message }];
  }
}

function disk(data: string): Finding {
  const what = "disk";
  let there = resolve(data);
  while (!existsSync(there)) there = dirname(there);
  const { bavail, bsize } = statfsSync(there);
  const free = bavail * bsize;
  const size = statSync(join(data, "tidemark.db"), { throwIfNoEntry: false })?.size ?? 0;
  const text = `${megabytes(free)} free at ${there}`;
  if (free < SCARCE)
    return { what, state: "wrong", text: `${text}: make room before it is full, since then nothing can be written` };
  if (free < COPIES * size) return { what, state: "note", text: `${text}: not enough for a backup and a restore here` };
  return { what, state: "fine", text };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_048_576).toLocaleString("en-US")} MiB`;
}
