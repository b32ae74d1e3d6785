import type { Part } from "../part.ts";
import { adopted } from "./adopted.ts";
import { copy } from "./copy.ts";
import { cost } from "./cost.ts";
import { delta } from "./delta.ts";
import { fill } from "./fill.ts";
import { push } from "./push.ts";
import { servers } from "./servers.ts";

/** In the order of the table. */
export const PARTS: readonly Part[] = [fill, copy, delta, push, servers, adopted, cost];
