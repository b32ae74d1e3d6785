import { isErased, type Step, stepOf } from "../model/delta.ts";
import type { Revision } from "../model/record.ts";
import type { PageResult, ScanResult } from "../store/store.ts";
import type { Json } from "../util/json.ts";
import type { Line } from "../wire/lines.ts";
import { jointly } from "./pattern.ts";
import type { Progress } from "./progress.ts";

/** Bytes after which a line of records is closed and the next one begun. */
const LINE = 1_048_576;

export function lineText(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

/** A put line around records that are sent as they lie in the store. */
export function putText(collection: string, at: Revision, records: string): string {
  return `{"op":"put","collection":"${collection}","at":${at},"records":[${records}]}\n`;
}

export function pageText({ runs }: PageResult, at: Revision): string {
  let text = "";
  for (const { collection, records, count } of runs) if (count > 0) text += putText(collection, at, records);
  return text;
}

/** Records of one kind and collection, gathered into lines. */
class Gathered {
  private readonly open = new Map<string, string[]>();
  private readonly sizes = new Map<string, number>();
  private readonly at: Revision;

  constructor(at: Revision) {
    this.at = at;
  }

  /** Gives a line that is full. */
  add(op: "put" | "patch" | "remove", collection: string, item: string): string | null {
    const name = `${op} ${collection}`;
    const items = this.open.get(name) ?? [];
    const size = (this.sizes.get(name) ?? 0) + item.length;
    items.push(item);
    this.open.set(name, items);
    this.sizes.set(name, size);
    return size >= LINE ? this.close(name) : null;
  }

  /** The lines that are not full. */
  rest(): string[] {
    return [...this.open.keys()].map((name) => this.close(name));
  }

  private close(name: string): string {
    const [op, collection] = name.split(" ");
    const items = (this.open.get(name) as string[]).join(",");
    const list = op === "remove" ? "ids" : "records";
    this.open.delete(name);
    this.sizes.delete(name);
    return `{"op":"${op}","collection":"${collection}","at":${this.at},"${list}":[${items}]}\n`;
  }
}

/** What a scan says to a replica, line by line: together they may be longer than a text can be. */
export function* deltaLines(progress: Progress, { changes }: ScanResult, at: Revision): Generator<string> {
  const gathered = new Gathered(at);
  for (const change of changes) {
    const step = stepFor(progress, change);
    if (erasedFor(progress, change)) {
      // A line of its own, before what there is of the id since.
      yield lineText({ op: "remove", collection: change.collection, at, erased: true, ids: [change.id] });
      if (step?.op === "remove") continue;
    }
    if (step === null) continue;
    const full = gathered.add(step.op, change.collection, itemText(change, step));
    if (full !== null) yield full;
  }
  yield* gathered.rest();
}

function itemText({ id, text }: ScanResult["changes"][number], step: NonNullable<Step>): string {
  if (step.op === "put") return text as string;
  return step.op === "remove" ? JSON.stringify(id) : patchText(id, step.atoms);
}

/** Whether a scan holds anything for the replica. */
export function hasSteps(progress: Progress, { changes }: ScanResult): boolean {
  return changes.some((change) => stepFor(progress, change) !== null || erasedFor(progress, change));
}

/** Whether the replica may hold values of a record that was erased since (K2). */
function erasedFor({ at, page, pattern }: Progress, found: ScanResult["changes"][number]): boolean {
  if (found.erased === null) return false;
  const change = pattern === null ? found : jointly(found, pattern, page.revision > at.revision);
  return isErased(change, at.revision, page.revision);
}

function stepFor({ subscription, at, page, pattern }: Progress, found: ScanResult["changes"][number]): Step {
  const change = pattern === null ? found : jointly(found, pattern, page.revision > at.revision);
  return stepOf(change, at.revision, page.revision, subscription.matcher);
}

function patchText(id: string, atoms: { readonly [atom: string]: Json }): string {
  return JSON.stringify({ id, ...atoms });
}

/** A range line around records that are sent as they lie in the store. */
export function rangeText(
  from: string | null,
  to: string | null,
  count: number,
  digest: string,
  records?: readonly (readonly [string, string])[],
): string {
  const start = `{"op":"range","from":${JSON.stringify(from)},"to":${JSON.stringify(to)},"count":${count},"digest":"${digest}"`;
  if (records === undefined) return `${start}}\n`;
  return `${start},"records":[${records.map(([collection, text]) => `["${collection}",${text}]`).join(",")}]}\n`;
}
