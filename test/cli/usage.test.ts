// What holds for every command.
import { describe, expect, test } from "vitest";
import { folderOf } from "../support/folder.ts";
import { run, start } from "./program.ts";

const COMMANDS = "init serve import head pull follow edit verify history audit backup restore cut doctor".split(" ");

test("[D1] --help tells what there is, for the whole and for a command", async () => {
  const all = await run(["--help"]);
  expect(all.code).toBe(0);
  for (const name of COMMANDS) expect(all.stdout).toMatch(new RegExp(`^ +${name}  +\\w`, "m"));
  const one = await run(["import", "--help"]);
  expect(one.code).toBe(0);
  expect(one.stdout).toContain("--into=<COLLECTION>");
});

test("[D1] without a command it shows the help and exits 2", async () => {
  const { code, stdout } = await run([]);
  expect(code).toBe(2);
  expect(stdout).toContain("serve");
});

describe("[D1] what a command does not know is refused, not passed over", () => {
  test.each([
    { args: ["hed"], says: /no command "hed"/ },
    { args: ["head"], says: /argument: WHERE/ },
    { args: ["head", "http://127.0.0.1:1", "--spaces", "x"], says: /--spaces/ },
    { args: ["head", "http://127.0.0.1:1", "more"], says: /"more" is one argument too many/ },
    { args: ["head", "http://127.0.0.1:1", "--space", "a", "--space", "b"], says: /--space is given twice/ },
    { args: ["head", "http://127.0.0.1:1", "--space"], says: /--space/ },
    { args: ["head", "http://127.0.0.1:1", "--space", "A b"], says: /--space "A b"/ },
    { args: ["head", "127.0.0.1:4848"], says: /not a server's address, such as http:/ },
    { args: ["head", "no/such/folder"], says: /neither a server's address \(http:.*\) nor a folder/ },
    { args: ["head", "http://127.0.0.1:1", "--at", "yesterday"], says: /--at takes a time/ },
    { args: ["pull", "http://127.0.0.1:1", "--wait", "many"], says: /--wait takes a whole number from 0 to 60/ },
    { args: ["pull", "http://127.0.0.1:1", "--filter", "open"], says: /--filter takes a JSON object/ },
    { args: ["import", "x.csv", "http://127.0.0.1:1"], says: /--into/ },
    { args: ["import", "x.bin", "http://127.0.0.1:1", "--into", "things"], says: /--format csv, ndjson or json/ },
    { args: ["import", "x.csv", "http://127.0.0.1:1", "--into", "a-b"], says: /--into "a-b"/ },
    { args: ["edit", "http://127.0.0.1:1", "things", "a"], says: /atom=value, or --delete/ },
    { args: ["edit", "http://127.0.0.1:1", "things", "a", "color"], says: /"color" is not of the form atom=value/ },
    { args: ["edit", "data", "things", "a", "color=red"], says: /"data" is not a server's address/ },
    { args: ["verify", "http://127.0.0.1:1", "--store", "none.db"], says: /no replica none\.db: tidemark follow/ },
    { args: ["cut", "http://127.0.0.1:1"], says: /--journal AGE/ },
    { args: ["cut", "http://127.0.0.1:1", "--journal", "old"], says: /--journal takes an age such as 90d/ },
    { args: ["cut", "http://127.0.0.1:1", "--journal", "9d", "--tombstones", "1d"], says: /no shorter than/ },
    { args: ["restore", "none.db", "data"], says: /no backup none\.db/ },
    { args: ["restore", "none.db", "data", "--policy", "hope"], says: /heal, discard/ },
    { args: ["serve", "--port", "99999"], says: /--port takes a whole number from 0 to 65535/ },
    { args: ["serve", "none.config.ts"], says: /no configuration none\.config\.ts/ },
  ])("$args", async ({ args, says }) => {
    const { code, stdout, stderr } = await run(args, { cwd: folderOf() });
    expect(stderr).toMatch(says);
    expect(stderr).toMatch(/^tidemark: .*\n$/);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});

test("[D3] a failure is a sentence with its cure; the stack is shown only with TIDEMARK_DEBUG=1", async () => {
  const args = ["head", "http://127.0.0.1:9"];
  const plain = await run(args);
  expect(plain.stderr).toMatch(/^tidemark: http:\/\/127\.0\.0\.1:9 cannot be reached: .*Is the server running.*\n$/);
  expect(plain.code).toBe(1);
  const debug = await run(args, { env: { TIDEMARK_DEBUG: "1" } });
  expect(debug.stderr).toMatch(/\n +at /);
});

test("[D2] nothing is coloured that goes to no terminal, whatever the environment suggests", async () => {
  for (const args of [["nonsense"], ["--help"]]) {
    const { stdout, stderr } = await run(args, { cwd: folderOf(), env: { CI: "true" } });
    expect(stdout + stderr).not.toContain("\u001b");
  }
});

test("[D2] with --json standard output stays empty where the command fails", async () => {
  const { code, stdout, stderr } = await run(["head", "http://127.0.0.1:9", "--json"]);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).not.toBe("");
});

test("[D2] a reader that has seen enough is no error", async () => {
  const running = start(["pull", "--help"]);
  running.child.stdout?.destroy();
  const { code, stderr } = await running.ended;
  expect([code, stderr]).toEqual([0, ""]);
});

test("[D9] init writes a configuration that serves, and never overwrites one", async () => {
  const cwd = folderOf();
  const first = await run(["init"], { cwd });
  expect(first.code).toBe(0);
  expect(first.stdout).toContain("tidemark serve");
  const checked = await run(["doctor", "--json"], { cwd });
  expect(JSON.parse(checked.stdout)).toContainEqual(
    expect.objectContaining({ what: "configuration", state: "fine", text: "tidemark.config.ts, collections: tasks" }),
  );
  const second = await run(["init"], { cwd });
  expect(second.stderr).toMatch(/exists already, and is left as it is/);
  expect(second.code).toBe(1);
});
