import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A PostgreSQL that the machine brings along. */
export interface InstalledPostgres {
  readonly version: number;
  readonly bin: string;
}

/** Where Debian puts them, a folder for each version. */
const FOLDER = "/usr/lib/postgresql";

/** The oldest that is installed, with its tools; undefined where there is none. */
export function installedPostgres(): InstalledPostgres | undefined {
  const versions = existsSync(FOLDER) ? readdirSync(FOLDER).map(Number) : [];
  return versions
    .sort((a, b) => a - b)
    .map((version) => ({ version, bin: join(FOLDER, String(version), "bin") }))
    .find(({ bin }) => ["initdb", "postgres", "pg_dump", "psql"].every((name) => existsSync(join(bin, name))));
}

interface Place {
  readonly data: string;
  readonly port: number;
  readonly flags: readonly string[];
}

/** As EmbeddedPostgres, with the binaries of the machine. */
export class InstalledServer {
  process: ChildProcess | undefined;
  readonly #bin: string;
  readonly #place: Place;
  readonly #password: string;
  readonly #initdb: readonly string[];

  constructor({ bin }: InstalledPostgres, place: Place, password: string, initdb: readonly string[]) {
    this.#bin = bin;
    this.#place = place;
    this.#password = password;
    this.#initdb = initdb;
  }

  async initialise(): Promise<void> {
    const { data } = this.#place;
    const file = join(dirname(data), "password");
    writeFileSync(file, this.#password);
    mkdirSync(data);
    const user = owner();
    if (user !== null) chownSync(data, user.uid, user.gid);
    const flags = ["--auth=password", "--username=postgres", `--pwfile=${file}`, ...this.#initdb];
    execFileSync(join(this.#bin, "initdb"), [`--pgdata=${data}`, ...flags], { ...user, stdio: "ignore" });
  }

  async start(): Promise<void> {
    const { data, port, flags } = this.#place;
    const options = { ...owner(), env: { ...process.env, LC_ALL: "C" } };
    const child = spawn(join(this.#bin, "postgres"), ["-D", data, "-p", String(port), ...flags], {
      ...options,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.process = child;
    // It must not outlive who started it.
    process.once("exit", () => child.kill("SIGKILL"));
    await new Promise<void>((resolve, reject) => {
      let log = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (/ready to accept (read-only )?connections/.test(log)) resolve();
      });
      child.once("exit", () => reject(new Error(log)));
    });
  }

  async stop(): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGINT");
    await gone;
  }
}

/** PostgreSQL refuses to be run by root. */
function owner(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}
