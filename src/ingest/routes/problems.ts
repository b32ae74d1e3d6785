import { Problem } from "../../wire/problem.ts";
import { IngestError } from "../error.ts";
import { ReviewError } from "../match/review.ts";
import { Fenced } from "../run/place.ts";
import { Busy } from "../run/runner.ts";
import { SourceError } from "../source.ts";

/** Seconds after which a stream that another runner has is asked for again. */
const AGAIN = 30;

/** What ingest says no with, as a problem; null: something else went wrong. */
export function problemFor(error: unknown): Problem | null {
  if (error instanceof IngestError) return new Problem("not-found", error.message);
  if (error instanceof ReviewError) return new Problem("invalid", error.message);
  if (error instanceof Busy || error instanceof Fenced)
    return new Problem("unavailable", error.message, { retryAfter: AGAIN });
  if (error instanceof SourceError) return new Problem("unavailable", `the source: ${error.code}: ${error.message}`);
  return null;
}
