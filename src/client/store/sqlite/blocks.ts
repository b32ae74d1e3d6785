import type { RecordData } from "../../../model/record.ts";
import type { PutLine } from "../../../wire/lines.ts";
import { textsOfLine } from "../block.ts";
import { type Block, TOGETHER } from "../rows.ts";
import type { Found, Statements } from "./statements.ts";

/** A block as it stands in the file; of its records, only the text. */
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

/** The blocks of a put line whose records stand in key order, each with the text of its records. */
export function* blocksOf({ collection, at, records }: PutLine, text: string) {
  const texts = textsOfLine(text, records.length) ?? records.map((data) => JSON.stringify(data));
  for (let start = 0; start < records.length; start += TOGETHER) {
    const together = records.slice(start, start + TOGETHER);
    const key = (data: RecordData | undefined) => `${collection}/${data?.id}`;
    yield {
      first: key(together[0]),
      last: key(together.at(-1)),
      collection,
      at,
      count: together.length,
      content: texts.slice(start, start + TOGETHER).join(","),
    };
  }
}

/** A block with its records; throws `damaged` where its text is none of records. */
export function openedBlock(statements: Statements, found: Found): Block {
  const { first, last, collection, at, holder, content } = found as unknown as StoredBlock;
  const records = statements.parsed(`[${content}]`, `the block that begins with ${first}`) as RecordData[];
  return { first, last, collection, at, holders: [holder], records };
}
