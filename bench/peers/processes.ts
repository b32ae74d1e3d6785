import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";

/** Processes of one system. Each leads a group, so that what it started itself can be ended with it. */

/** Its script. */
export type Side = "server" | "client" | "live/subscribers" | "live/writer";

const ENDING_MS = 15_000;
const LAST_WORDS = 2000;

const live = new Set<Process>();
process.once("exit", () => live.forEach((one) => one.kill()));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));

export class Process {
  readonly child: ChildProcess;
  /** Rejects when the process ends. */
  readonly ended: Promise<never>;
  #words = "";

  constructor(side: Side, options: readonly string[], cwd: string) {
    this.child = fork(join(import.meta.dirname, `${side}.ts`), options, {
      cwd,
      // Replicache, Zero and Express check more in development.
      env: { ...process.env, NODE_ENV: "production" },
      detached: process.platform !== "win32",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    live.add(this);
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#words = (this.#words + text).slice(-LAST_WORDS);
    });
    this.ended = once(this.child, "exit").then(([code, signal]) => {
      throw new Error(`the ${side.replace("live/", "")} ended with ${code ?? signal}${reasonIn(this.#words)}`);
    });
    this.ended.catch(() => {});
  }

  /** Lets it close what it holds, and ends it and all that it started. */
  async end(): Promise<void> {
    const gone = this.child.exitCode !== null || this.child.signalCode !== null;
    if (!gone) {
      const exit = once(this.child, "exit");
      if (this.child.connected) this.child.disconnect();
      await Promise.race([exit, after(ENDING_MS, undefined, { ref: false })]);
    }
    this.kill();
    live.delete(this);
  }

  kill(): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
    } catch {
      // Nobody of the group is left.
    }
  }
}

/** The first line of what a process wrote at its end that is an error's message. */
function reasonIn(words: string): string {
  const line = words.split("\n").find((one) => /^\w*Error\b/.test(one));
  return line === undefined ? "" : `: ${line.trim().slice(0, 200)}`;
}
