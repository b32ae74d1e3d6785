// The example of `npm start`, on the real data.
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BERLIN, readCities } from "../../examples/cities/cities.ts";
import { City } from "../../examples/cities/tidemark.config.ts";
import { systemClock } from "../../src/util/clock.ts";
import { folderOf } from "../support/folder.ts";
import { root, run, start } from "./program.ts";

test("[D12] every city has an id of its own, and is what the schema says", () => {
  const cities = readCities();
  expect(cities.length).toBe(171_075);
  expect(new Set(cities.map(({ id }) => id)).size).toBe(cities.length);
  expect(new Set(cities.map(({ country }) => country)).size).toBe(246);
  expect(cities.find(({ id }) => id === BERLIN)).toMatchObject({ name: "Berlin", country: "DE" });
  expect(cities.filter((_, i) => i % 97 === 0).every((city) => City.safeParse(city).success)).toBe(true);
});

test("[D12 W6] loading that was killed goes on at the next start; then every step that is printed can be taken", async () => {
  const cwd = folderOf();
  const program = join(root, "examples/cities/start.ts");
  const args = ["--port", "0", "--data", join(cwd, "data")];
  const first = start(args, { cwd, program });
  // A megabyte of it: some of the cities are there, and most are not.
  while (sizeOf(join(cwd, "data/tidemark.db-wal")) < 1_048_576) await systemClock.sleep(20);
  await first.stop("SIGKILL");
  const second = start(args, { cwd, program });
  const [, url] = (await second.says(/^listening on (http:\S+)\n$/)) as unknown as [string, string];
  const head = await run(["head", url, "--space", "cities", "--scope", "*", "--json"]);
  expect(JSON.parse(head.stdout)).toMatchObject({ revision: 172, scopes: { "*": { count: 171_075 } } });

  const steps = [...second.stderr.matchAll(/^ +npx tidemark (.+)$/gm)].map(([, step]) => String(step).split(" "));
  expect(steps.map(([name]) => name)).toEqual("follow edit history backup edit restore verify audit".split(" "));
  for (const step of steps) {
    const [name] = step;
    // It needs the server to be ended; what it then does is tested in replica.test.ts.
    if (name === "restore") continue;
    const { code, stderr } = await run(name === "follow" ? [...step, "--once"] : step, { cwd });
    expect([name, code, stderr]).toEqual([name, 0, ""]);
  }
  const { code, stdout } = await second.stop();
  expect([code, stdout]).toEqual([0, `listening on ${url}\n`]);
}, 300_000);

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
