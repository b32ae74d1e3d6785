// What server and browser both know: the collections, their schemas and their scopes.
import { collection, inherit } from "tidemark";
import { z } from "zod";

export const STATUSES = ["todo", "doing", "review", "done"] as const;
export const PRIORITIES = ["low", "normal", "high"] as const;

export const Person = z.object({ id: z.string(), name: z.string().min(1), hue: z.int().min(0).max(359) });

export const Project = z.object({ id: z.string(), name: z.string().min(1), order: z.number() });

export const Task = z.object({
  id: z.string(),
  projectId: z.string(),
  title: z.string().min(1, "a task has a title").max(200),
  status: z.enum(STATUSES),
  /** Place within its column; a task that is put between two others gets a number between theirs. */
  order: z.number(),
  priority: z.enum(PRIORITIES),
  assignee: z.string().optional(),
  /** A day, as 2026-12-24. */
  due: z.iso.date().optional(),
  description: z.string().max(10_000).optional(),
});

export const Comment = z.object({
  id: z.string(),
  taskId: z.string(),
  author: z.string(),
  /** Milliseconds since 1970, by the clock of whoever wrote it. */
  at: z.number(),
  text: z.string().min(1).max(5_000),
});

export type Person = z.infer<typeof Person>;
export type Project = z.infer<typeof Project>;
export type Task = z.infer<typeof Task>;
export type Comment = z.infer<typeof Comment>;
export type Status = (typeof STATUSES)[number];
export type Priority = (typeof PRIORITIES)[number];

export const collections = {
  people: collection({ schema: Person, scopes: () => ["people"] }),
  projects: collection({ schema: Project, scopes: ({ id }) => [`project/${id}`] }),
  tasks: collection({ schema: Task, scopes: ({ projectId }) => [`project/${projectId}`] }),
  comments: collection({
    schema: Comment,
    // A comment is where its task is, and goes with it.
    scopes: inherit("taskId", "tasks"),
    // Nobody writes in another's name, and nobody changes what another has said.
    write: (before, after, user) =>
      after === null || [before, after].every((comment) => comment === null || comment.author === user.id)
        ? true
        : "a comment is written and changed by its author",
  }),
};
