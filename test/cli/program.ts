// Runs the real program as a child process, as a user does.
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export const root = fileURLToPath(new URL("../..", import.meta.url));
/** The Node that the lockfile brings: the one that runs the tests may be the system's. */
export const node = join(root, "node_modules/node/bin/node");
const main = join(root, "src/cli/main.ts");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly program?: string;
}

/** A command that is running. It is killed when the test ends. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  #listeners = new Set<() => void>();

  constructor(args: readonly string[], { cwd = root, env = {}, input, program = main }: Surroundings = {}) {
    const clean = Object.entries(process.env).filter(
      ([name]) => !/^(TIDEMARK_|NO_COLOR|FORCE_COLOR|VITEST|NODE_OPTIONS)/.test(name),
    );
    this.child = spawn(node, [program, ...args], { cwd, env: { ...Object.fromEntries(clean), ...env } });
    this.child.stdin?.end(input ?? "");
    for (const name of ["stdout", "stderr"] as const) {
      this.child[name]?.setEncoding("utf8").on("data", (text: string) => {
        this[name] += text;
        for (const listener of this.#listeners) listener();
      });
    }
    this.ended = new Promise((resolve) => {
      this.child.on("close", (code) => {
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
        for (const listener of this.#listeners) listener();
      });
    });
  }

  /** Resolves with the match once standard output holds it. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = () => {
      const match = pattern.exec(this.stdout);
      if (match !== null) resolve(match);
      else if (this.child.exitCode !== null || this.child.signalCode !== null) {
        reject(new Error(`it ended without saying ${pattern}:\n${this.stdout}\n${this.stderr}`));
      }
    };
    this.#listeners.add(look);
    look();
    return promise.finally(() => this.#listeners.delete(look));
  }

  /** Sends the signal, and gives what there was when it had ended. */
  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

export function start(args: readonly string[], surroundings?: Surroundings): Running {
  const running = new Running(args, surroundings);
  onTestFinished(async () => {
    running.child.kill("SIGKILL");
    await running.ended;
  });
  return running;
}

export function run(args: readonly string[], surroundings?: Surroundings): Promise<Ended> {
  return start(args, surroundings).ended;
}

/** Collections without a schema, one of them with a scope for each team. */
export const CONFIG = `
import { collection, defineConfig } from "tidemark/server";
export default defineConfig({
  collections: { things: collection({ scopes: (r) => [\`team/\${r.team}\`] }) },
});
`;

/** Serves the folder's configuration and data; resolves once it listens. */
export async function serve(folder: string, args: readonly string[] = ["--port", "0"], env: NodeJS.ProcessEnv = {}) {
  const running = start(["serve", ...args], { cwd: folder, env });
  const [, url] = await running.says(/^listening on (http:\S+)\n/);
  return Object.assign(running, { url: String(url) });
}

/** Resolves once the space `main` is at this revision, or beyond. */
export async function reached(url: string, revision: number): Promise<void> {
  for (;;) {
    const head = (await (await fetch(`${url}/v1/spaces/main`)).json()) as { revision?: number };
    if ((head.revision ?? 0) >= revision) return;
  }
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
