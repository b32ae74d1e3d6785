import {
  createBuilder,
  createSchema,
  defineMutator,
  defineMutators,
  defineQueries,
  defineQuery,
  number,
  string,
  table,
} from "@rocicorp/zero";

const columns = {
  id: string(),
  title: string(),
  status: string(),
  priority: number(),
  assignee: string(),
  body: string(),
  updated: number(),
};
export const schema = createSchema({ tables: [table("tasks").columns(columns).primaryKey("id")] });
const builder = createBuilder(schema);
export const queries = defineQueries({ all: defineQuery(() => builder.tasks) });
export const mutators = defineMutators({ insert: defineMutator(({ tx, args }) => tx.mutate.tasks.insert(args)) });
