import type { RunLine, RunRow, StreamOrder, Verification } from "../../ingest/index.ts";
import type { Line } from "../../wire/lines.ts";
import { ask, failureInLine, linesOf, type Space } from "../api.ts";
import { Failure } from "../failure.ts";
import type { Output } from "../output.ts";
import { streamPath } from "./open.ts";

/** Records between two lines that tell how far it is. */
const TOLD = 50_000;

/** Orders a run of a stream, or its comparison, and tells how far it is until it has ended. */
export async function ordered(
  space: Space,
  stream: string,
  order: StreamOrder,
  out: Output,
): Promise<{ readonly run?: RunRow; readonly verification?: Verification }> {
  const response = await ask(space, streamPath(stream), order);
  let told = 0;
  for await (const text of linesOf(space, response)) {
    const line = JSON.parse(text) as RunLine;
    if (line.op === "error") throw failureInLine(space, line as unknown as Line);
    if (line.op !== "progress") return line;
    if (!out.live || (line.read < told + TOLD && line.read >= told)) continue;
    told = line.read - (line.read % TOLD);
    out.note(`${stream}: ${line.phase}, ${line.read} records`);
  }
  throw new Failure(`${space.place} broke off before ${stream} had ended: see \`tidemark ingest runs\`.`);
}
