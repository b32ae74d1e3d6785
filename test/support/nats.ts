import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { onTestFinished } from "vitest";
import { freePort } from "../cli/program.ts";

/** Whether there is a `nats-server` here. */
export const hasNats = spawnSync("nats-server", ["--version"]).status === 0;

/** A NATS of its own, at the same port each time that it starts. */
export class NatsServer {
  readonly port: number;
  #process: ChildProcess | null = null;

  private constructor(port: number) {
    this.port = port;
    onTestFinished(() => this.kill());
  }

  /** One that is not started yet. */
  static async make(): Promise<NatsServer> {
    return new NatsServer(await freePort());
  }

  static async start(...args: string[]): Promise<NatsServer> {
    const server = await NatsServer.make();
    await server.start(...args);
    return server;
  }

  url(login = ""): string {
    return `nats://${login}127.0.0.1:${this.port}`;
  }

  /** Resolves when it takes connections. */
  async start(...args: string[]): Promise<void> {
    const child = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(this.port), ...args], { stdio: "ignore" });
    this.#process = child;
    while (!(await this.#answers())) {
      if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`);
    }
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
  }
}
