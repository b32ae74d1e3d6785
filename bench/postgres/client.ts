import type { Setting } from "./part.ts";
import { PARTS } from "./parts/index.ts";

/** The clients' side of one part, a process of its own. */

const [id, setting] = process.argv.slice(2) as [string, string];
const part = PARTS.find((one) => one.id === id);
if (part === undefined) throw new Error(`no part ${id}`);
process.send?.(await part.measure(JSON.parse(setting) as Setting), () => process.exit(0));
