import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import { type SourceChange, SourceError } from "../../source.ts";
import type { Answer } from "./ask.ts";

/** Where the records of an answer are, and what of them says who, when and what. */
export interface Shape {
  /** The way to the list: `"results"`, `"data.items"`, empty where the answer is the list itself; or what makes the list. */
  readonly items: string | ((body: Json) => Json | undefined);
  readonly key: (item: JsonObject) => readonly (Json | undefined)[];
  /** When the source last changed it. What is no time counts as none. */
  readonly at?: (item: JsonObject) => Json | undefined;
  /** What becomes the record; the item itself where it is left out. */
  readonly value?: (item: JsonObject) => JsonObject;
  readonly deleted?: (item: JsonObject) => boolean;
}

/** A record of an answer, and when the source last changed it, unix milliseconds. */
export interface Found {
  readonly change: SourceChange;
  readonly at: number | null;
}

/** @throws SourceError `protocol` where there is no list in the answer. */
export function found(shape: Shape, answer: Answer): Found[] {
  const { items } = shape;
  const list = typeof items === "string" ? valueAt(answer.body, items) : items(answer.body);
  if (!Array.isArray(list)) {
    const what = typeof items === "string" && items !== "" ? `holds no list under “${items}”` : "is no list";
    throw new SourceError("protocol", `${answer.position}: the answer ${what}; has the API changed?`);
  }
  return list.map((item, index) => read(shape, item as Json, `${answer.position}#${index}`));
}

function read(shape: Shape, item: Json, position: string): Found {
  const broken = (message: string): Found => ({
    at: null,
    change: { op: "broken", position, raw: JSON.stringify(item), code: "unreadable", message },
  });
  if (!isObject(item)) return broken("an object was expected");
  const object = item as JsonObject;
  const key = shape.key(object);
  if (key.some((part) => (typeof part !== "string" && typeof part !== "number") || part === ""))
    return broken("a part of its key is missing");
  const at = instantOf(shape.at?.(object));
  const known = { key: key.map(String), position, ...(at !== null && { at: new Date(at).toISOString() }) };
  if (shape.deleted?.(object) === true) return { at, change: { op: "delete", ...known } };
  return { at, change: { op: "put", ...known, value: shape.value?.(object) ?? object } };
}

/** What stands at a way of names with dots between; undefined where it leads nowhere. */
export function valueAt(value: Json, way: string): Json | undefined {
  let here: Json | undefined = value;
  for (const name of way === "" ? [] : way.split(".")) here = isObject(here) ? (here as JsonObject)[name] : undefined;
  return here;
}

/** Unix milliseconds of an ISO 8601 text, or of a number of them; null where it is neither. Without a zone it is UTC. */
export function instantOf(value: Json | undefined): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "string") return null;
  const zoned = /T[\d:.]+$/.test(value) ? `${value}Z` : value;
  const at = Date.parse(zoned);
  return Number.isNaN(at) ? null : at;
}

/** The key of a change in one text; two keys never share one. */
export function keyText(change: SourceChange): string | null {
  return change.op === "broken" ? null : JSON.stringify(change.key);
}
