import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { AdoptionStatus } from "../store/adopt.ts";
import type { Store } from "../store/store.ts";

export interface LiveCounts {
  readonly connections: number;
  readonly frames: number;
  readonly bytes: number;
}

/** What the server counts, in Prometheus' form. No label holds a name that a caller chose, so their number is bounded. */
export interface Metrics {
  request(route: string, status: number, seconds: number): void;
  commit(pushes: number, revisions: number, seconds: number): void;
  outcome(status: string): void;
  rows(count: number): void;
  waiting(change: 1 | -1): void;
  cut(removed: number): void;
  /** Where to look, when somebody asks, how many connections are open and what was sent on all there ever were. */
  live(look: () => LiveCounts): void;
  /** Asked, when somebody looks, how adopted tables of one more space stand. */
  adopted(status: () => Promise<AdoptionStatus | null>): void;
  text(): Promise<string>;
  readonly type: string;
}

export function metricsOf(store: Store): Metrics {
  const registers = [new Registry()];
  const registry = registers[0] as Registry;
  const requests = new Counter({
    name: "tidemark_requests_total",
    help: "Requests answered.",
    labelNames: ["route", "status"],
    registers,
  });
  const seconds = new Histogram({
    name: "tidemark_request_seconds",
    help: "Time until an answer began.",
    labelNames: ["route"],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  });
  const commits = new Counter({ name: "tidemark_commits_total", help: "Commits of the store.", registers });
  const pushes = new Histogram({
    name: "tidemark_pushes_per_commit",
    help: "Pushes that shared one commit.",
    buckets: [1, 2, 5, 10, 20, 50, 100, 200],
    registers,
  });
  const commitSeconds = new Histogram({
    name: "tidemark_commit_seconds",
    help: "Time of a commit, waiting for the disk included.",
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2],
    registers,
  });
  const revisions = new Counter({ name: "tidemark_revisions_total", help: "Revisions given out.", registers });
  const outcomes = new Counter({
    name: "tidemark_outcomes_total",
    help: "Mutations settled.",
    labelNames: ["status"],
    registers,
  });
  const rows = new Counter({ name: "tidemark_rows_read_total", help: "Rows read for answers.", registers });
  const waiting = new Gauge({ name: "tidemark_waiting_pulls", help: "Pulls that wait for news.", registers });
  const cut = new Counter({ name: "tidemark_cut_rows_total", help: "Rows that retention removed.", registers });
  new Gauge({
    name: "tidemark_store_bytes",
    help: "Bytes of the store on disk.",
    registers,
    async collect() {
      this.set(await store.size());
    },
  });
  const adopted: (() => Promise<AdoptionStatus | null>)[] = [];
  new Gauge({
    name: "tidemark_adopted_behind",
    help: "What PostgreSQL keeps of adopted tables until it is recorded: bytes of its log, or changes noted by triggers.",
    labelNames: ["unit"],
    registers,
    async collect() {
      const stands = (await Promise.all(adopted.map((status) => status()))).map((status) => status?.behind);
      this.reset();
      for (const behind of stands) if (behind) this.inc({ unit: behind.unit }, behind.count);
    },
  });
  let process = false;
  return {
    type: registry.contentType,
    request(route, status, time) {
      requests.inc({ route, status });
      seconds.observe({ route }, time);
    },
    commit(count, given, time) {
      commits.inc();
      pushes.observe(count);
      revisions.inc(given);
      commitSeconds.observe(time);
    },
    outcome: (status) => outcomes.inc({ status }),
    rows: (count) => rows.inc(count),
    waiting: (change) => waiting.inc(change),
    cut: (removed) => cut.inc(removed),
    live(look) {
      const shown = { registers, labelNames: [] };
      new Gauge({
        ...shown,
        name: "tidemark_live_connections",
        help: "Live connections.",
        collect() {
          this.set(look().connections);
        },
      });
      const total = (name: string, help: string, of: () => number) =>
        new Counter({
          ...shown,
          name,
          help,
          collect() {
            this.reset();
            this.inc(of());
          },
        });
      total("tidemark_live_frames_total", "Frames sent on live connections.", () => look().frames);
      total("tidemark_live_bytes_total", "Bytes of those frames.", () => look().bytes);
    },
    adopted: (status) => void adopted.push(status),
    async text() {
      // The process's own numbers keep watchers running, so they begin when somebody first looks.
      if (!process) collectDefaultMetrics({ register: registry, prefix: "tidemark_" });
      process = true;
      return registry.metrics();
    },
  };
}
