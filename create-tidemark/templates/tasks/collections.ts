// What server and browser both know.
import { collection } from "tidemark";
import { z } from "zod";

export const collections = {
  tasks: collection({
    schema: z.object({
      id: z.string(),
      title: z.string().min(1).max(200),
      done: z.boolean(),
      /** Milliseconds since 1970, by the clock of whoever made it. */
      made: z.number(),
    }),
    scopes: () => ["tasks"],
  }),
};
