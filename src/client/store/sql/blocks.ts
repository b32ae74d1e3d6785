import type { RecordData } from "../../../model/record.ts";
import type { Block } from "../rows.ts";
import type { Found } from "./driver.ts";
import type { Statements } from "./statements.ts";

/** A block as it stands in the database; of its records, only the text. */
export interface StoredBlock {
  readonly first: string;
  readonly last: string;
  readonly collection: string;
  readonly at: number;
  readonly count: number;
  readonly holder: number;
  /** Of its text. */
  readonly id: number;
  /** Records, separated by commas. */
  readonly content: string;
}

/** A block with its records; throws `damaged` where its text is none of records. */
export function openedBlock(statements: Statements, found: Found): Block {
  const { first, last, collection, at, holder, content } = found as unknown as StoredBlock;
  const records = statements.parsed(`[${content}]`, `the block that begins with ${first}`) as RecordData[];
  return { first, last, collection, at, holders: [holder], records };
}
