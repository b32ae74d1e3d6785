import type { Workload } from "../workload.ts";
import * as w1 from "./w1-copy.ts";
import { catchUp } from "./w2-catch-up.ts";
import { push } from "./w3-push.ts";
import { live, stalled } from "./w4-live.ts";
import { nothing } from "./w5-nothing.ts";
import { verify, verifyMillion } from "./w6-verify.ts";
import { pushes } from "./w7-pushes.ts";
import { client, server } from "./w8-memory.ts";
import { newcomers } from "./w9-newcomers.ts";

/** In the order of the table. */
export const WORKLOADS: readonly Workload[] = [
  w1.memory,
  w1.persistent,
  w1.million,
  catchUp,
  push,
  live,
  stalled,
  nothing,
  verify,
  verifyMillion,
  pushes,
  server,
  client,
  newcomers,
];
