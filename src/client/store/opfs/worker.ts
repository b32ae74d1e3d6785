// What an application starts as a worker: `new Worker(new URL("tidemark/client/opfs/worker", import.meta.url), { type: "module" })`.
import { systemClock } from "../../../util/clock.ts";
import { type Port, serve } from "./serve.ts";

serve(globalThis as unknown as Port, systemClock);
