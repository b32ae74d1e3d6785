import { idFlaw, nameFlaw, valueFlaw } from "../../model/names.ts";
import type { RecordData } from "../../model/record.ts";
import type { Json } from "../../util/json.ts";
import type { BadRow, RawRow } from "./rows.ts";

/** A row as it will be written, and where it came from. */
export interface Candidate {
  readonly line: number;
  readonly record: RecordData;
}

const LIMITS = { depth: 32 };

/**
 * The record of a row. The column `idColumn` becomes the id, a whole number as its digits. What would make the server
 * refuse the whole request (M7) is found here, so that one bad row does not stop the others.
 */
export function recordOf({ line, data }: RawRow, idColumn: string): Candidate | BadRow {
  const { [idColumn]: given, ...atoms } = data;
  if (given === undefined || given === null)
    return { line, reason: `${idColumn} is missing: every record needs an id` };
  if (idColumn !== "id" && "id" in atoms) return { line, reason: `the row has both ${idColumn} and id` };
  const id = Number.isSafeInteger(given) ? String(given) : given;
  const flaw = idFlaw(id);
  if (flaw !== null) return { line, reason: `${idColumn} is ${JSON.stringify(given)}, and ${flaw}` };
  for (const name of Object.keys(atoms)) {
    const bad = nameFlaw(name);
    if (bad !== null) return { line, reason: `${JSON.stringify(name)} cannot be an atom: ${bad}` };
  }
  const value = valueFlaw(atoms, LIMITS);
  if (value !== null) return { line, reason: `${value.path.slice(1)}: ${value.reason}` };
  return { line, record: { ...(atoms as { [atom: string]: Json }), id: id as string } };
}
