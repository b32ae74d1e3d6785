import postgres from "postgres";
import type { OpenWriter } from "../live/work.ts";

export { follow } from "../tidemark/live.ts";

/** A program that knows nothing of Tidemark. */
export const openWriter: OpenWriter = async ({ database }: { readonly database: string }) => {
  const sql = postgres(database, { max: 1, onnotice: () => undefined });
  await sql`SELECT 1`;
  return ({ id, title, updated }) => sql`UPDATE shop.tasks SET title = ${title}, updated = ${updated} WHERE id = ${id}`;
};
