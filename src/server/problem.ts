import { StoreError, type StoreFailure } from "../store/store.ts";
import { Problem } from "../wire/problem.ts";
import { faultFields, type Log, type LogFields } from "./log.ts";

const STORE_TEXTS: { readonly [failure in StoreFailure]: string } = {
  full: "the server's disk is full: it keeps answering reads; free space, then writes go on by themselves",
  unavailable: "the server's store does not answer at the moment: try again",
  damaged: "the server's store is damaged: its operator finds the cause in the log and restores a backup",
};

/** Any error as a problem: the cause and cure, and nothing of where in the code it came from (H1, A6). */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreError) return new Problem("unavailable", STORE_TEXTS[error.failure], { retryAfter: 5 });
  return new Problem(
    "unavailable",
    "the server failed at this request: try again; its operator finds the cause in the log",
    {
      retryAfter: 5,
    },
  );
}

/** Logs what is the server's fault; what is the caller's is told to the caller. */
export function logFault(log: Log, error: unknown, fields: LogFields): void {
  if (!(error instanceof Problem)) log.error({ ...fields, ...faultFields(error) }, "a request failed");
}

export function problemResponse(problem: Problem): Response {
  const body = problem.body();
  const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
  if (body.status === 401) headers.set("www-authenticate", "Bearer");
  if (body.retryAfter !== undefined) headers.set("retry-after", String(body.retryAfter));
  return new Response(`${JSON.stringify(body)}\n`, { status: body.status, headers });
}
