import { idFlaw, nameFlaw, valueFlaw } from "../../model/names.ts";
import { type Json, type JsonObject, sameJson } from "../../util/json.ts";
import { sha256Hex } from "../../util/sha256.ts";
import type { Cleaned } from "../declare.ts";
import type { SourceKey } from "../source.ts";
import { checking, schemaStep } from "./checks.ts";
import { normalising } from "./normaliser.ts";
import { type Fix, type Flaw, rejected, type Step, type StepContext } from "./step.ts";

/** Nesting of JSON in an atom. */
const DEPTH = 32;

/** A record of a source as the steps left it. */
export interface Clean {
  /** Its atoms, without `id`; as far as they got where a flaw rejects them. */
  readonly record: JsonObject;
  readonly id: string;
  readonly fixes: readonly Fix[];
  readonly flaws: readonly Flaw[];
}

/** Takes a record of the source through shape → normalise → schema → checks (I5). Pure. */
export type Pipeline = (key: SourceKey, value: JsonObject, context: StepContext) => Clean;

/** The pipeline of a declaration. A step whose predecessor has rejected is not asked. */
export function pipelineOf({ options }: Pick<Cleaned, "options">): Pipeline {
  const { shape, normalise, schema, check = [], id } = options;
  const steps: Step[] = [named];
  if (normalise !== undefined) steps.push(normalising(normalise));
  if (schema !== undefined) steps.push(schemaStep(schema));
  steps.push(checking(check.filter((each) => each.kind !== "batch")), storable);
  return (key, value, context) => {
    const fixes: Fix[] = [];
    const flaws: Flaw[] = [];
    let record = value;
    try {
      if (shape !== undefined) record = shape(value);
      for (const step of steps) {
        const done = step(record, context);
        record = done.record;
        fixes.push(...done.notes);
        flaws.push(...done.flaws);
        if (flaws.some(({ level }) => level === "reject")) return { record, id: "", fixes, flaws };
      }
      const own = id === undefined ? idOf(key) : id(record, key);
      const flaw = idFlaw(own);
      if (flaw !== null) flaws.push(rejected("id", "id", `${JSON.stringify(own)} cannot be its id: ${flaw}`));
      const { id: _, ...atoms } = record as JsonObject & { id?: Json };
      return { record: atoms, id: own, fixes, flaws };
    } catch (error) {
      // What a user's function throws concerns this record only.
      return { record, id: "", fixes, flaws: [...flaws, rejected("error", "", (error as Error).message)] };
    }
  };
}

/** The id of a record whose declaration gives none: its key, or a digest of it where that is no id. */
export function idOf(key: SourceKey): string {
  const [only] = key;
  if (key.length === 1 && only !== undefined && idFlaw(only) === null) return only;
  const joined = key.join("/");
  if (idFlaw(joined) === null && key.every((part) => !part.includes("/"))) return joined;
  return sha256Hex(JSON.stringify(key)).slice(0, 32);
}

/** Fields that may not be names of atoms get a name that may: `US Gross` becomes `US_Gross`. */
const named: Step = (record) => {
  const entries = Object.entries(record);
  if (entries.every(([field]) => nameFlaw(field) === null)) return { record, notes: [], flaws: [] };
  const atoms: { [atom: string]: Json } = {};
  const flaws: Flaw[] = [];
  for (const [field, value] of entries) {
    const name = atomNameOf(field);
    if (Object.hasOwn(atoms, name) && !sameJson(atoms[name] as Json, value))
      flaws.push(rejected("name", name, `two fields would both be the atom ${name}: give them names by \`shape\``));
    else atoms[name] = value;
  }
  return { record: atoms, notes: [], flaws };
};

/** The name of the atom that a field becomes. */
export function atomNameOf(field: string): string {
  if (nameFlaw(field) === null) return field;
  const name = field
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9_]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 60);
  return nameFlaw(name) === null ? name : `f_${name}`;
}

const storable: Step = (record) => {
  const flaws: Flaw[] = [];
  for (const [atom, value] of Object.entries(record)) {
    const reason = nameFlaw(atom) ?? valueFlaw(value, { depth: DEPTH })?.reason ?? null;
    if (reason !== null) flaws.push(rejected("value", atom, reason));
  }
  return { record, notes: [], flaws };
};
