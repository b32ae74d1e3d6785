import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atLeast, atMost, type Row } from "../figures.ts";
import type { Asked, Latency, Pair } from "../live-client.ts";
import { run, startServer } from "../processes.ts";
import type { Bench, Workload } from "../workload.ts";

const FAN_OUT = "a row into SQLite, synced, and then the same bytes to as many sockets by `ws`, from a bare server";

export const live: Workload = {
  id: "W4",
  title: "live",
  records: 0,
  space: "live",
  async measure(bench): Promise<readonly Row[]> {
    return [
      ...(await latency(bench, 100)),
      ...(await latency(bench, 1_000)),
      await sustained(bench),
      await idle(bench),
    ];
  },
};

export const stalled: Workload = {
  id: "W4",
  title: "readers that read nothing",
  records: 0,
  space: "stalled",
  large: true,
  measure: async (bench) => [await stalledMemory(bench)],
};

function asked<Result>(
  { base, floor }: Bench,
  what: Asked["what"],
  subscribers: number,
  runs: number,
): Promise<Result> {
  const wanted: Asked = { what, base, floor, subscribers, runs };
  return run<Result>("live-client.ts", [JSON.stringify(wanted)]);
}

async function latency(bench: Bench, subscribers: number): Promise<Row[]> {
  const runs = subscribers >= 1_000 ? 20 : 100;
  const { tidemark, floor } = await asked<Pair<Latency>>(bench, "latency", subscribers, runs);
  const many = subscribers.toLocaleString("en-US");
  const row = (work: string, kind: keyof Latency, share: number, target?: number): Row => ({
    id: "W4",
    work: `from one writer's push to ${work} of ${many} subscribers, ${share === 0.5 ? "p50" : "p99"}`,
    unit: "ms",
    values: [quantile(tidemark[kind], share)],
    floor: [quantile(floor[kind], share)],
    floorIs: FAN_OUT,
    ...(target !== undefined && { target: atMost(target) }),
  });
  return [
    row("each", "each", 0.5),
    row("each", "each", 0.99),
    row("the last", "last", 0.5, subscribers === 100 ? 2 : undefined),
    row("the last", "last", 0.99, subscribers === 100 ? 3 : undefined),
  ];
}

async function sustained(bench: Bench): Promise<Row> {
  const { tidemark, floor } = await asked<Pair<readonly number[]>>(bench, "sustained", 100, Math.min(3, bench.runs));
  return {
    id: "W4",
    work: "writes a second until each of 100 subscribers has the last of them",
    unit: "a second",
    values: tidemark,
    floor,
    floorIs: `${FAN_OUT}, for each push of 20 writes`,
    target: atLeast(2_000, "value"),
  };
}

async function idle(bench: Bench): Promise<Row> {
  const replica = await asked<number>(bench, "idle", 3_000, 1);
  // In a process of its own, which has no memory of the others' connections.
  const folder = mkdtempSync(join(tmpdir(), "tidemark-sockets-"));
  const other = await startServer(folder);
  const socket = await asked<number>({ ...bench, floor: other.addresses.floor }, "sockets", 3_000, 1);
  await other.end();
  rmSync(folder, { recursive: true, force: true });
  return {
    id: "W4",
    work: "server memory of an idle live replica",
    unit: "KiB",
    values: [replica / 1_024],
    floor: [socket / 1_024],
    floorIs: "an open socket of `ws`; both are the slope of resident memory from 500 to 3,000",
    target: atMost(30, "value"),
  };
}

async function stalledMemory(bench: Bench): Promise<Row> {
  const { tidemark, floor } = await asked<Pair<number>>(bench, "stalled", 400, 1);
  return {
    id: "W4",
    work: "server memory of each of 400 readers that read nothing of 1 GB",
    unit: "KiB",
    values: [tidemark / 1_024],
    floor: [floor / 1_024],
    floorIs: "what the same writes take with no reader at all, divided by 400",
    target: atMost(1_024, "value"),
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}
