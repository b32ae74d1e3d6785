import { onTestFinished } from "vitest";
import type { LiveLine } from "../../src/wire/live.ts";
import { LiveClient } from "./live.ts";

/** Follows the space `main` on whichever of some servers answers, and goes on at the next one from where it stood. */
export class LiveReader {
  /** The records that it was told of, in order; what an answer that broke off had begun is not among them. */
  readonly told: string[] = [];
  revision = 0;
  cursor: string | undefined;
  connections = 0;
  readonly #ports: readonly number[];
  #client: LiveClient | null = null;
  #closed = false;

  constructor(ports: readonly number[], first: number) {
    this.#ports = ports;
    onTestFinished(() => this.close());
    void this.#run(first);
  }

  close(): void {
    this.#closed = true;
    this.#client?.socket.terminate();
  }

  async #run(first: number): Promise<void> {
    for (let at = first; !this.#closed; at++) {
      const client = new LiveClient(`ws://127.0.0.1:${this.#ports[at % this.#ports.length]}/v1/spaces/main/live`, {});
      this.#client = client;
      await client.opened.then(
        () => this.#follow(client),
        () => undefined,
      );
    }
  }

  async #follow(client: LiveClient): Promise<void> {
    this.connections++;
    client.send({ op: "subscribe", subscriptions: [{ scope: "*", ...(this.cursor && { cursor: this.cursor }) }] });
    for (;;) {
      const lines = await client.answer().catch(() => null);
      if (lines === null) return;
      this.#take(lines);
    }
  }

  #take(lines: readonly LiveLine[]): void {
    for (const line of lines) {
      if (line.op === "put") for (const { id } of line.records) this.told.push(String(id));
      if (line.op !== "end") continue;
      this.revision = line.revision;
      this.cursor = line.subscriptions["*"]?.cursor ?? this.cursor;
    }
  }
}
