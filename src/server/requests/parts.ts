import { z } from "zod";
import { type Flaw, idFlaw, nameFlaw, subscribedFlaw } from "../../model/names.ts";
import { Problem } from "../../wire/problem.ts";

/** A text that obeys one of the rules for names (M7). */
function named(flawOf: (text: string) => Flaw) {
  return z.string().superRefine((text, context) => {
    const flaw = flawOf(text);
    if (flaw !== null) context.addIssue({ code: "custom", message: flaw });
  });
}

export const id = named(idFlaw);
export const name = named(nameFlaw);
export const subscribed = named(subscribedFlaw);
/** Cursors are 30 to 400 characters; what is far longer is none. */
export const cursor = z.string().max(2_048);
export const revision = z.int().nonnegative();
export const schemaVersion = z.int().nonnegative().optional();

/** The value in the form that the schema says, or `invalid` with the path of the first flaw. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Problem("invalid", issue?.message ?? "the request is malformed", { path: pathText(issue?.path ?? []) });
}

/** `mutations[0].writes[2].record.title` */
export function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? String(part) : `.${String(part)}`;
  }
  return text;
}

/** More of something than the limit is `too-large`, before each of them is looked at. */
export function checkCount(value: unknown, most: number, path: string, what: string): void {
  if (!Array.isArray(value) || value.length <= most) return;
  throw new Problem("too-large", `${what}: at most ${most}, here are ${value.length}`, { path });
}
