// What server and client both know.
import { collection } from "tidemark";
import { z } from "zod";

export const collections = {
  notes: collection({
    schema: z.object({ id: z.string(), list: z.string(), text: z.string().min(1) }),
    scopes: ({ list }) => [`list/${list}`],
  }),
};
