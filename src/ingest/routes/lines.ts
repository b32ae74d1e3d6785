import type { Log } from "../../server/log.ts";
import { logFault, problemOf } from "../../server/problem.ts";
import { problemFor } from "./problems.ts";

interface Told {
  readonly op: string;
  readonly [member: string]: unknown;
}

/**
 * The lines of work that goes on whether or not somebody reads them: how far it is, of which only the last is kept until it
 * is read, and what came of it.
 */
export async function* workLines<Progress extends Told, Result extends Told>(
  log: Log,
  work: (tell: (progress: Progress) => void) => Promise<Result>,
): AsyncGenerator<string> {
  let latest: Progress | null = null;
  let wake = () => {};
  let ended = false;
  const done = work((progress) => {
    latest = progress;
    wake();
  }).finally(() => {
    ended = true;
    wake();
  });
  // Who leaves does not end it: then nobody waits for it any more.
  done.catch(() => {});
  while (!ended) {
    if (latest !== null) {
      yield lineText(latest);
      latest = null;
    }
    if (!ended && latest === null) await new Promise<void>((resolve) => (wake = resolve));
  }
  try {
    yield lineText(await done);
  } catch (error) {
    yield problemLine(log, error);
  }
}

/** What fails behind the beginning of an answer is its last line. */
export async function* guardedLines(log: Log, lines: AsyncIterable<Told>): AsyncGenerator<string> {
  try {
    for await (const line of lines) yield lineText(line);
  } catch (error) {
    yield problemLine(log, error);
  }
}

function problemLine(log: Log, error: unknown): string {
  const known = problemFor(error);
  logFault(log, known ?? error, { work: "ingest" });
  return lineText({ op: "error", problem: (known ?? problemOf(error)).body() });
}

function lineText(line: Told): string {
  return `${JSON.stringify(line)}\n`;
}
