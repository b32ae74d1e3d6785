import { readJson } from "../../server/body.ts";
import type { Call, Core } from "../../server/core.ts";
import { json, streamed } from "../../server/encode.ts";
import type { About } from "../../server/openapi/about.ts";
import { parsed } from "../../server/requests/parts.ts";
import { numberIn } from "../../server/requests/query.ts";
import type { Route } from "../../server/routes.ts";
import { Problem } from "../../wire/problem.ts";
import { Duplicates } from "../duplicates.ts";
import type { Ingest } from "../ingest.ts";
import type { RunOptions } from "../run/runner.ts";
import * as answers from "./answers.ts";
import { guardedLines, workLines } from "./lines.ts";
import {
  type DifferenceLine,
  type DiscardResponse,
  type DuplicatesResponse,
  duplicatesOrder,
  itemStatus,
  type LiftResponse,
  type LineageResponse,
  liftOrder,
  MOST_ITEMS,
  type QuarantineResponse,
  quarantineOrder,
  type ReplayResponse,
  type RunLine,
  type RunsResponse,
  type StreamsResponse,
  streamOrder,
} from "./messages.ts";
import { problemFor } from "./problems.ts";

const LIMITS = { body: 1_048_576, depth: 32 };
const INGEST = "/v1/spaces/:space/ingest";
const STREAM = `${INGEST}/streams/:stream`;

/** What comes into a space, for its administrators: streams, runs, quarantine, lineage, duplicates (I60). */
export function ingestRoutes(ingest: Ingest, stop: AbortSignal): readonly Route[] {
  const route = (
    method: Route["method"],
    path: string,
    about: About,
    answer: (call: Call, core: Core) => Promise<Response>,
  ): Route => ({
    method,
    path,
    asks: "admin",
    about,
    handle: (core, call) =>
      answer(call, core).catch((error: unknown) => {
        throw problemFor(error) ?? error;
      }),
  });
  const duplicates = ({ space, param }: Call) => new Duplicates(ingest, space, param("collection"));
  return [
    route(
      "GET",
      `${INGEST}/streams`,
      { summary: "What comes into a space, and how it stands", answer: answers.streams },
      async ({ request, space }) => {
        const answer: StreamsResponse = { streams: await ingest.status(space) };
        return json(request, answer);
      },
    ),
    route(
      "POST",
      STREAM,
      {
        summary: "Runs a stream, or compares its source with the space",
        body: streamOrder,
        answer: { lines: answers.orderLines },
      },
      async (call, core) => order(ingest, stop, call, core),
    ),
    route(
      "GET",
      `${STREAM}/runs`,
      { summary: "The last runs of a stream", query: { limit: "How many at most" }, answer: answers.runs },
      async ({ request, url, space, param }) => {
        const limit = numberIn(url.searchParams, "limit", { fallback: 20, most: 1_000 });
        const answer: RunsResponse = { runs: await ingest.runs(space, param("stream"), limit) };
        return json(request, answer);
      },
    ),
    route(
      "GET",
      `${STREAM}/quarantine`,
      {
        summary: "Records that could not be taken, the oldest first",
        query: {
          status: "unsettled (by default), open, waiting, fixed, replayed, superseded, discarded, all",
          code: "Only with this code",
          path: "Only about this atom",
          after: "Only with a greater number",
          limit: "How many at most",
        },
        answer: answers.items,
      },
      async (call) => json(call.request, await items(ingest, call)),
    ),
    route(
      "POST",
      `${STREAM}/quarantine`,
      { summary: "Fixes, replays or discards items", body: quarantineOrder, answer: answers.settled },
      async (call) => json(call.request, await settle(ingest, call)),
    ),
    route(
      "GET",
      `${STREAM}/quarantine/:number`,
      { summary: "One item", answer: answers.item },
      async ({ request, space, param }) => {
        const numbers = [Number(param("number"))];
        for await (const item of ingest.items(space, param("stream"), { numbers, status: "all" }))
          return json(request, item);
        throw new Problem("not-found", `there is no item ${param("number")} in ${param("stream")}`);
      },
    ),
    route(
      "POST",
      `${INGEST}/lift`,
      { summary: "Lets a record that was erased come in again", body: liftOrder, answer: answers.lifted },
      async ({ request, space }) => {
        const { collection, id } = parsed(liftOrder, await readJson(request, LIMITS));
        const answer: LiftResponse = { lifted: await ingest.lift(space, collection, id) };
        return json(request, answer);
      },
    ),
    route(
      "GET",
      `${INGEST}/lineage/:collection/:id`,
      { summary: "Where each atom of a record came from", answer: answers.lineage },
      async ({ request, space, param }) => {
        const answer: LineageResponse = { values: await ingest.lineage(space, param("collection"), param("id")) };
        return json(request, answer);
      },
    ),
    route(
      "GET",
      `${INGEST}/duplicates/:collection`,
      { summary: "Pairs that a person is to decide", query: { limit: "How many at most" }, answer: answers.pairs },
      async (call) => {
        const limit = numberIn(call.url.searchParams, "limit", { fallback: 1_000, most: 10_000 });
        const answer: DuplicatesResponse = { pairs: await duplicates(call).list(limit) };
        return json(call.request, answer);
      },
    ),
    route(
      "GET",
      `${INGEST}/duplicates/:collection/:id`,
      { summary: "A record with the source records that it was made of", answer: answers.shown },
      async (call) => {
        const found = await duplicates(call).show(call.param("id"));
        const named = `${call.param("collection")}/${call.param("id")}`;
        if (found === null) throw new Problem("not-found", `${named} was not made of source records, or is not there`);
        return json(call.request, found);
      },
    ),
    route(
      "POST",
      `${INGEST}/duplicates/:collection`,
      { summary: "Merges records, or splits one", body: duplicatesOrder, answer: answers.decision },
      async (call) => {
        const asked = parsed(duplicatesOrder, await readJson(call.request, LIMITS));
        const review = duplicates(call);
        const decision = asked.do === "merge" ? review.merge(asked.ids) : review.split(asked.id, asked.keys);
        return json(call.request, await decision);
      },
    ),
    route(
      "GET",
      `${INGEST}/differences/:collection`,
      { summary: "What source records say otherwise of each other", answer: { lines: answers.differenceLines } },
      async (call, { log }) => {
        const text = guardedLines(log, differenceLines(duplicates(call)));
        return streamed(call.request, { type: "application/x-ndjson", text });
      },
    ),
  ];
}

/** Runs a stream, or compares it; the answer tells how far it is. It goes on also where the caller leaves. */
async function order(ingest: Ingest, stop: AbortSignal, { request, space, param }: Call, { log }: Core) {
  const asked = parsed(streamOrder, await readJson(request, LIMITS));
  const { name } = ingest.task(space, param("stream"));
  const text = workLines<RunLine, RunLine>(log, async (tell) => {
    if (asked.do === "verify") {
      const progress = (read: number) => tell({ op: "progress", phase: "verifying", read, rejected: 0 });
      return { op: "verification", verification: await ingest.verify(space, name, { signal: stop, progress }) };
    }
    const options: RunOptions = {
      do: asked.do === "refresh" ? "refresh" : "run",
      accept: asked.accept === true,
      signal: stop,
      ...(asked.do === "backfill" && { window: { from: asked.from, to: asked.to } }),
      progress: ({ read, rejected }, phase) => tell({ op: "progress", phase, read, rejected }),
    };
    return { op: "run", run: await ingest.run(space, name, options) };
  });
  return streamed(request, { type: "application/x-ndjson", text });
}

async function items(ingest: Ingest, { url, space, param }: Call): Promise<QuarantineResponse> {
  const search = url.searchParams;
  const limit = numberIn(search, "limit", { fallback: 100, most: MOST_ITEMS });
  const [code, path] = [search.get("code"), search.get("path")];
  const filter = {
    after: numberIn(search, "after", { fallback: 0, most: Number.MAX_SAFE_INTEGER }),
    status: parsed(itemStatus, search.get("status") ?? "unsettled"),
    ...(code !== null && { code }),
    ...(path !== null && { path }),
  };
  const found: QuarantineResponse["items"][number][] = [];
  for await (const item of ingest.items(space, param("stream"), filter)) {
    if (found.length === limit) return { items: found, next: found.at(-1)?.number ?? null };
    found.push(item);
  }
  return { items: found, next: null };
}

async function settle(ingest: Ingest, { request, space, param }: Call): Promise<ReplayResponse | DiscardResponse> {
  const asked = parsed(quarantineOrder, await readJson(request, LIMITS));
  const stream = param("stream");
  if (asked.do === "fix") {
    const run = await ingest.fix(space, stream, asked.number, asked.values);
    if (run === null)
      throw new Problem("not-found", `there is no item ${asked.number} in ${stream} that is not settled`);
    return { run };
  }
  const { numbers, code, path } = asked;
  const filter = {
    ...(numbers !== undefined && { numbers }),
    ...(code !== undefined && { code }),
    ...(path !== undefined && { path }),
  };
  if (asked.do === "replay") return { run: await ingest.replay(space, stream, filter) };
  return { discarded: await ingest.discard(space, stream, filter) };
}

async function* differenceLines(duplicates: Duplicates): AsyncGenerator<DifferenceLine> {
  for await (const each of duplicates.differences()) yield { op: "record", ...each };
  yield { op: "end" };
}
