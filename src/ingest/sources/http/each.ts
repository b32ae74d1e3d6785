import { isObject, type JsonObject } from "../../../util/json.ts";
import type { Page } from "../../source.ts";
import type { Reader } from "./source.ts";

/**
 * Reads several like things one after the other as one stream, each with a cursor of its own: the forms of an account. One
 * that is added later is read from its beginning, and the stream goes on.
 */
export function each(parts: readonly string[], reader: (part: string) => Reader): Reader {
  return async function* (run) {
    const before = isObject(run.cursor) ? (run.cursor as JsonObject) : {};
    const known = isObject(before["parts"]) ? (before["parts"] as JsonObject) : {};
    const pass = run.cursor === null || before["pass"] === true;
    let cursors: JsonObject = Object.fromEntries(
      parts.filter((part) => part in known).map((part) => [part, known[part] ?? null]),
    );
    for (const [index, part] of parts.entries()) {
      const lastPart = index === parts.length - 1;
      for await (const page of reader(part)({ ...run, cursor: cursors[part] ?? null })) {
        cursors = { ...cursors, [part]: page.cursor };
        const done = lastPart && page.last !== undefined;
        const cursor = run.window !== undefined ? run.cursor : { parts: cursors, ...(pass && !done && { pass }) };
        const ending: Partial<Page> = done ? { last: pass && run.window === undefined ? "complete" : "caught-up" } : {};
        yield { changes: page.changes, cursor, ...ending };
      }
    }
  };
}
