import type { Verdict } from "../run.ts";
import { scenes } from "./scenes.ts";
import { Stage } from "./stage.ts";

/**
 * Holds a client to the protocol. `command` is run once for each step: it makes the mutations of its standard input (a JSON
 * line each, with `writes`), brings itself up to date with the space at TIDEMARK_URL, keeps what it needs in the folder
 * TIDEMARK_STATE, prints what it then shows (a JSON line each: `["collection",{record}]`), and exits with 0; with something
 * else where it could not.
 *
 * - `seconds`: after these a run is ended; `only`: the scenes of these rules.
 */
export async function* clientConformance(
  command: string,
  { seconds = 20, only }: { readonly seconds?: number; readonly only?: readonly string[] } = {},
): AsyncGenerator<Verdict> {
  for (const { id, title, run } of scenes) {
    if (only !== undefined && !only.includes(id)) continue;
    const stage = new Stage(command, seconds);
    try {
      await run(stage);
      yield { id, title, result: "passed", detail: null };
    } catch (error) {
      yield { id, title, result: "failed", detail: error instanceof Error ? error.message : String(error) };
    } finally {
      await stage.end();
    }
  }
}
