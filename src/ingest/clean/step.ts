import type { Json, JsonObject } from "../../util/json.ts";
import type { Position } from "../source.ts";

/** What a step changed in a record: it is said, so that it can be looked up and undone. */
export interface Fix {
  /** The step that did it, such as `trim`. */
  readonly code: string;
  /** The atom. */
  readonly path: string;
  readonly before: Json;
  readonly after: Json;
}

/** What is wrong with a record. With `reject` it goes to quarantine, whole (I6); with `warn` it is counted. */
export interface Flaw {
  /** For programs: `schema`, `date`, `required`, `missing-ref` … */
  readonly code: string;
  /** The atom, empty for the record as a whole. */
  readonly path: string;
  /** For people: what is wrong, and with which value. */
  readonly message: string;
  readonly level: "reject" | "warn";
}

export interface StepContext {
  readonly source: string;
  readonly stream: string;
  readonly position: Position;
}

export interface Stepped {
  readonly record: JsonObject;
  readonly notes: readonly Fix[];
  readonly flaws: readonly Flaw[];
}

/** One step of the way in (I5): pure, so that a replay gives the same. */
export type Step = (record: JsonObject, context: StepContext) => Stepped;

export function rejected(code: string, path: string, message: string): Flaw {
  return { code, path, message, level: "reject" };
}

/** A value in a sentence, cut where it is long. */
export function quoted(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
