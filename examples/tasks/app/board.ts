import { createCollection, createTransaction } from "@tanstack/db";
import { createClient } from "tidemark/client";
import { indexedDbStore } from "tidemark/client/indexeddb";
import { tidemarkCollectionOptions, tidemarkMutationFn } from "tidemark/tanstack-db";
import { type Comment, collections, type Status, type Task } from "../collections.ts";
import type { Member } from "../team.ts";
import { follow } from "./follow.ts";
import type { Network } from "./network.ts";
import { Notes } from "./notes.ts";
import { between } from "./order.ts";

/** One person's board: a replica, what is written to it, and what there is to say about it. */
export type Board = ReturnType<typeof openBoard>;

export function openBoard(me: Member, network: Network) {
  const client = createClient({
    url: location.origin,
    space: "tasks",
    schema: { collections },
    auth: me.id,
    fetch: network.fetch,
    WebSocket: network.WebSocket,
    store: indexedDbStore({ name: `tasks-${me.id}` }),
  });
  follow(client);
  const tasks = createCollection(tidemarkCollectionOptions({ client, collection: "tasks" }));
  const comments = createCollection(tidemarkCollectionOptions({ client, collection: "comments" }));
  const notes = new Notes(client);
  const stop = network.subscribe(() => {
    // Whoever switches the network on again wants to see it happen, and waits for no pause.
    client.sync().catch(() => {});
  });

  /** What is written shows at once. What the server refuses is told as a note. */
  const write = (transaction: { isPersisted: { promise: Promise<unknown> } }) => {
    transaction.isPersisted.promise.catch((error: Error) => notes.failed(error));
  };

  return {
    me,
    client,
    tasks,
    comments,
    notes,
    network,

    add(task: Omit<Task, "id" | "priority" | "order">): void {
      const last = column(task.projectId, task.status).at(-1);
      const order = between(last?.order, undefined) ?? 0;
      write(tasks.insert({ ...task, id: crypto.randomUUID(), priority: "normal", order }));
    },

    edit(id: string, atoms: Partial<Omit<Task, "id">>): void {
      if (tasks.has(id)) write(tasks.update(id, (task) => void Object.assign(task, atoms)));
    },

    /** Puts a task into a column, before the one that is now at this place of it (itself left out). */
    move(id: string, status: Status, index: number): void {
      const task = tasks.get(id);
      if (task === undefined) return;
      const others = column(task.projectId, status).filter((other) => other.id !== id);
      const order = between(others[index - 1]?.order, others[index]?.order);
      if (order !== null) return write(tasks.update(id, (moved) => void Object.assign(moved, { status, order })));
      // No number is left between the two: the column is numbered anew, in the same transaction.
      const all = [...others.slice(0, index), task, ...others.slice(index)].map((each) => each.id);
      write(
        tasks.update(all, (drafts) => {
          for (const [i, draft] of drafts.entries()) Object.assign(draft, { order: (i + 1) * 1_000 });
          Object.assign(drafts[index] ?? {}, { status });
        }),
      );
    },

    /** Task and comments go together, or not at all. */
    remove(id: string): void {
      const own = [...comments.values()].filter(({ taskId }) => taskId === id).map((comment) => comment.id);
      const removal = createTransaction({ mutationFn: tidemarkMutationFn(client) });
      removal.mutate(() => {
        tasks.delete(id);
        if (own.length > 0) comments.delete(own);
      });
      write(removal);
    },

    comment(task: Task, text: string): void {
      const comment: Comment = {
        id: crypto.randomUUID(),
        taskId: task.id,
        author: me.id,
        at: Date.now(),
        text,
      };
      write(comments.insert(comment));
    },

    column,

    async close(): Promise<void> {
      stop();
      await Promise.all([tasks.cleanup(), comments.cleanup()]);
      await client.close();
    },
  };

  /** The tasks of a column, in their order. */
  function column(projectId: string, status: Status) {
    return [...tasks.values()]
      .filter((task) => task.projectId === projectId && task.status === status)
      .sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
  }
}
