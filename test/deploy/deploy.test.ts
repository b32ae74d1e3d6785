// What runs the server elsewhere: each command is run here as it stands, without a container around it.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { freePort, node, Running, root } from "../cli/program.ts";
import { folderOf } from "../support/folder.ts";
import { skipUnless } from "../support/skip.ts";

const read = (name: string) => readFileSync(join(root, "deploy", name), "utf8");
const PACKAGE = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
  devDependencies: Record<string, string>;
};
const SECRET = "a secret that has thirty-two characters";

/** The instructions of the image, each with its words. */
const DOCKERFILE = read("Dockerfile")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split(" ", 1).concat(line.slice(line.indexOf(" ") + 1)) as [string, string]);
const instruction = (name: string) => DOCKERFILE.filter(([is]) => is === name).map(([, what]) => what);
const words = (text: string | undefined) => JSON.parse((text ?? "[]").slice((text ?? "[]").indexOf("["))) as string[];

/** A folder like the image's, in which the package is installed. */
function installed(): string {
  const folder = folderOf();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/tidemark"));
  return folder;
}

/** Starts what a unit or an image starts, on a port that is free. */
async function started([program, ...args]: readonly string[], env: Record<string, string>) {
  expect(program?.split("/").at(-1)).toBe("node");
  const port = String(await freePort());
  const cwd = installed();
  const [script, ...rest] = args.map((arg) => arg.replace("4848", port).replace("0.0.0.0", "127.0.0.1"));
  const server = new Running(rest, { cwd, env, program: join(cwd, script as string) });
  await server.says(/listening on/);
  return { server, port };
}

describe("the image", () => {
  const [entry, command] = [words(instruction("ENTRYPOINT")[0]), words(instruction("CMD")[0])];

  test("[O1] its command serves from the folder that it names, and its health check says so", async () => {
    const { server, port } = await started([...entry, ...command], {
      TIDEMARK_DATA: folderOf(),
      TIDEMARK_JWT_SECRET: SECRET,
    });
    const check = words(instruction("HEALTHCHECK")[0]).map((word) => word.replace("4848", port));
    const healthy = () => spawnSync(node, check.slice(1), { encoding: "utf8" }).status;
    expect(check[0]).toBe("node");
    expect(healthy()).toBe(0);
    server.child.kill("SIGTERM");
    expect((await server.ended).code).toBe(0);
    expect(healthy()).toBe(1);
  });

  test("[O1] without authentication it refuses to be open to others, and says what to set", async () => {
    const server = new Running(command, { cwd: folderOf(), env: { TIDEMARK_DATA: folderOf() } });
    const { code, stderr } = await server.ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(/Set TIDEMARK_JWT_SECRET/);
  });

  test("[O1] is not root's, and is built by scripts that there are, with versions that are tested", () => {
    const names = DOCKERFILE.map(([name]) => name);
    expect(instruction("USER")).toEqual(["node"]);
    expect(names.indexOf("USER")).toBeLessThan(names.indexOf("ENTRYPOINT"));
    const runs = instruction("RUN").join("\n");
    for (const [, script] of runs.matchAll(/npm run (\S+)/g)) expect(PACKAGE.scripts).toHaveProperty(script as string);
    const drivers = [...runs.matchAll(/ ((?:@[\w-]+\/)?[\w-]+)@(\d[\d.]+)/g)].map(([, name, version]) => [
      name,
      version,
    ]);
    expect(drivers.length).toBeGreaterThan(1);
    for (const [name, version] of drivers) expect(PACKAGE.devDependencies[name as string]).toBe(version);
  });
});

describe("compose", () => {
  interface Service {
    readonly environment: Readonly<Record<string, string>>;
    readonly stop_grace_period?: string;
    readonly healthcheck?: { readonly test: string[] };
    readonly depends_on?: Record<string, { condition: string }>;
  }
  const { services } = parse(read("compose.yaml")) as { services: Record<"tidemark" | "postgres", Service> };

  test("[O1] gives the server what it knows, and waits for the database", () => {
    const { environment, depends_on, stop_grace_period } = services.tidemark;
    const known =
      readFileSync(join(root, "src/cli/commands/serve.ts"), "utf8") +
      readFileSync(join(root, "src/cli/config.ts"), "utf8");
    for (const name of Object.keys(environment)) expect(known).toContain(name);
    expect(depends_on).toEqual({ postgres: { condition: "service_healthy" } });
    expect(Number.parseInt(stop_grace_period as string, 10)).toBeGreaterThan(10);
  });

  test("[O1] no secret has a value of its own", () => {
    const secrets = Object.values(services).flatMap(({ environment }) =>
      Object.entries(environment).filter(([name]) => /PASSWORD|SECRET/.test(name)),
    );
    expect(secrets.length).toBe(3);
    for (const [, value] of secrets) expect(value).toMatch(/^\$\{\w+:(\?|-\})/);
    expect(services.tidemark.environment["TIDEMARK_DATA"]).toMatch(/\$\{POSTGRES_PASSWORD:\?/);
  });
});

describe("the unit of systemd", () => {
  const unit = new Map(
    read("tidemark.service")
      .split("\n")
      .filter((line) => /^\w+=/.test(line))
      .map((line) => line.split(/=(.*)/s) as [string, string]),
  );

  test("[O1] its command serves", async () => {
    const { server } = await started((unit.get("ExecStart") as string).split(" "), { TIDEMARK_DATA: folderOf() });
    server.child.kill("SIGTERM");
    expect((await server.ended).code).toBe(0);
    expect(Number(unit.get("TimeoutStopSec"))).toBeGreaterThan(10);
  });

  const verifies = spawnSync("systemd-analyze", ["--version"]).status === 0;
  skipUnless(verifies, "needs systemd-analyze")("[O1] is one that systemd takes", () => {
    const { stderr } = spawnSync("systemd-analyze", ["verify", join(root, "deploy/tidemark.service")], {
      encoding: "utf8",
    });
    const flaws = stderr
      .split("\n")
      .filter((line) => /tidemark\.service/.test(line) && !/not executable|No such file/.test(line));
    expect(flaws).toEqual([]);
  });
});

describe("alerts and dashboard", () => {
  interface Rule {
    readonly alert: string;
    readonly expr: string;
    readonly annotations: { readonly runbook: string };
  }
  const { groups } = parse(read("prometheus/alerts.yaml")) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  const { panels } = JSON.parse(read("grafana/tidemark.json")) as { panels: { targets: { expr: string }[] }[] };

  test("[O2] every figure that they look at is one that the server gives", async () => {
    const { server, port } = await started(
      ["node", "node_modules/tidemark/bin/tidemark.mjs", "serve", "--port", "4848"],
      { TIDEMARK_DATA: folderOf() },
    );
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    server.child.kill("SIGTERM");
    const given = new Set(
      [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name, type]) =>
        type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => name + end) : [name as string],
      ),
    );
    const asked = [...rules, ...panels.flatMap(({ targets }) => targets)].flatMap(
      ({ expr }) => expr.match(/tidemark_\w+/g) ?? [],
    );
    expect(asked.length).toBeGreaterThan(20);
    expect([...new Set(asked)].filter((name) => !given.has(name))).toEqual([]);
  });

  test("[O2] every alert names a page, and the section of it that says what to do", () => {
    for (const { alert, annotations } of rules) {
      const [, page, section] = /^(docs\/[\w-]+\.md)(?:, "(.+)")?$/.exec(annotations.runbook) ?? [];
      const text = readFileSync(join(root, page ?? ""), "utf8");
      if (section !== undefined) expect(text, alert).toContain(`\n## ${section}\n`);
    }
  });
});
