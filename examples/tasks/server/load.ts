import type { Server } from "tidemark/server";
import { type Step, steps } from "./sample.ts";

const SPACE = "http://localhost/v1/spaces/tasks";

/**
 * Fills the board once: each step is a mutation of the person who makes it, so that the history of a task has something
 * to tell. The server knows the last mutation that it settled of each, so that a start that was killed goes on.
 */
export async function loadSample(server: Server, today: number): Promise<void> {
  const settled = new Map<string, number>();
  const made = new Map<string, number>();
  for (const step of steps(today)) {
    const { by } = step;
    const last = settled.get(by) ?? (await ask(server, by, `?client=sample-${by}`)).lastMutation;
    settled.set(by, last);
    const number = (made.get(by) ?? 0) + 1;
    made.set(by, number);
    if (number > last) await push(server, step, number);
  }
}

async function push(server: Server, { by, writes }: Step, id: number): Promise<void> {
  const { revision } = await ask(server, by, "");
  const mutation = { id, base: revision, writes };
  const { outcomes } = await ask(server, by, "/push", { client: `sample-${by}`, acked: id - 1, mutations: [mutation] });
  const refused = outcomes.find(({ status }) => status !== "applied");
  if (refused !== undefined) throw new Error(`the server refuses the sample: ${JSON.stringify(refused)}`);
}

interface Answer {
  readonly revision: number;
  readonly lastMutation: number;
  readonly outcomes: readonly { readonly status: string }[];
}

async function ask(server: Server, person: string, path: string, body?: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${person}`, "content-type": "application/json" };
  const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await server.handler(new Request(SPACE + path, { ...post, headers }), { remote: "127.0.0.1" });
  if (!response.ok) throw new Error(`the server answers ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}
