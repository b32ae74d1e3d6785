import { collection } from "tidemark";
import { z } from "zod";

export const Task = z.object({
  id: z.string(),
  title: z.string(),
  status: z.enum(["todo", "done"]),
  order: z.number(),
  due: z.iso.date().optional(),
});

export const collections = {
  tasks: collection({ schema: Task, scopes: ({ status }) => [`status/${status}`] }),
  people: collection({ schema: z.object({ id: z.string(), name: z.string() }) }),
  notes: collection({}),
};

export type Task = z.infer<typeof Task>;
