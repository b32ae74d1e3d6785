import type { z } from "zod";

/** What the description of the protocol says of a route. */
export interface About {
  /** One line, for people. */
  readonly summary: string;
  /** Parameters of the query, with what each means. */
  readonly query?: { readonly [name: string]: string };
  readonly body?: z.ZodType;
  /** A JSON value; `lines`: one for each line of the answer; a media type for anything else. */
  readonly answer: z.ZodType | { readonly lines: z.ZodType } | { readonly type: string };
}
