// The house: folders stand on floors, and imports only go down.
import { describe, expect, test } from "vitest";
import { folderOf, isTest, readSources, type Source, source } from "./source.ts";

/** What each folder of src/ may import beside itself. What is not listed here is refused. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  util: [],
  model: ["util"],
  wire: ["util", "model"],
  store: ["util", "model"],
  client: ["util", "model", "wire"],
  server: ["util", "model", "wire", "store"],
  users: ["util", "model", "wire", "store", "server"],
  peer: ["util", "model", "wire", "store", "client", "server"],
  ingest: ["util", "model", "wire", "store", "server"],
  warehouse: ["util", "model", "wire", "client"],
  conformance: ["util", "model", "wire"],
  react: ["util", "model", "client"],
  "tanstack-db": ["util", "model", "client"],
  testing: ["util", "model", "wire", "store", "client", "server"],
  cli: ["util", "model", "wire", "store", "client", "server", "users", "peer", "ingest", "warehouse", "conformance"],
};

const RUNS_ANYWHERE = ["util", "model", "wire", "client", "react", "tanstack-db"];
/** The packages that a browser may get with the client. */
const SMALL_PACKAGES = /^@standard-schema\/spec$/;
/** Those that the application has anyway where it imports one of these folders. */
const PEERS: Record<string, RegExp> = { react: /^react$/, "tanstack-db": /^@tanstack\/db$/ };
/** What only the worker loads, which is a bundle of its own. */
const WORKER = { folder: "src/client/store/opfs/", page: "index.ts", package: /^@sqlite\.org\/sqlite-wasm$/ };
const CLIENT_SQLITE = "src/client/store/sqlite/";
const NODE_MODULE = /^(node:|(assert|buffer|child_process|crypto|events|fs|http|https|net|os|path|stream|url|zlib)$)/;

const product = readSources("src").filter((file) => !isTest(file.path));

describe("imports go down the house", () => {
  test("no folder imports one above or beside it", () => expect(wrongDirections(product)).toEqual([]));

  test("the check finds an arrow that points up, sideways or at a stranger", () => {
    const broken = [
      source("src/model/a.ts", 'import { x } from "../wire/b.ts";'),
      source("src/client/a.ts", 'import type { Store } from "../store/store.ts";'),
      source("src/cli/a.ts", 'export * from "../testing/index.ts";'),
      source("src/attic/a.ts", 'const x = await import("../util/b.ts");'),
      source("src/server/ok.ts", 'import { x } from "../store/store.ts";'),
    ];
    expect(wrongDirections(broken)).toEqual([
      "src/model/a.ts imports src/wire/b.ts",
      "src/client/a.ts imports src/store/store.ts",
      "src/cli/a.ts imports src/testing/index.ts",
      "src/attic/a.ts imports src/util/b.ts",
    ]);
  });
});

describe("imports make no circle", () => {
  test("between folders", () => expect(circles(folderGraph(product))).toEqual([]));
  test("between files", () => expect(circles(fileGraph(product))).toEqual([]));

  test("the check finds circles, and a type alone makes none between files", () => {
    const broken = [
      source("src/store/a.ts", 'import { b } from "../model/b.ts";'),
      source("src/model/b.ts", 'import { c } from "./c.ts";'),
      source("src/model/c.ts", 'import type { A } from "../store/a.ts"; import { b } from "./b.ts";'),
    ];
    expect(circles(folderGraph(broken))).toEqual(["store -> model -> store"]);
    expect(circles(fileGraph(broken))).toEqual(["src/model/b.ts -> src/model/c.ts -> src/model/b.ts"]);
  });
});

describe("what runs in a browser imports nothing of Node", () => {
  test("util, model, wire and client", () => expect(nodeImports(product)).toEqual([]));

  test("they bring no package into a browser's bundle but the small ones", () =>
    expect(heavyPackages(product)).toEqual([]));

  test("a page loads nothing of what the worker of the store on OPFS loads", () =>
    expect(loadedBy(product, `${WORKER.folder}${WORKER.page}`).filter(bringsSqlite)).toEqual([]));

  test("only the two SQLite stores import node:sqlite", () => expect(sqliteImports(product)).toEqual([]));

  test("the checks find such imports", () => {
    const broken = [
      source("src/client/sync.ts", 'import { hash } from "node:crypto";'),
      source("src/wire/a.ts", 'import { Buffer } from "buffer";'),
      source("src/wire/b.ts", 'import { z } from "zod"; import type { Spec } from "@standard-schema/spec";'),
      source("src/client/b.ts", 'import { useState } from "react";'),
      source("src/client/c.ts", 'import init from "@sqlite.org/sqlite-wasm";'),
      source(`${WORKER.folder}index.ts`, 'export * from "./a.ts";'),
      source(`${WORKER.folder}a.ts`, 'import init from "@sqlite.org/sqlite-wasm";'),
      source("src/react/a.ts", 'import { useState } from "react";'),
      source(`${CLIENT_SQLITE}a.ts`, 'import { DatabaseSync } from "node:sqlite";'),
      source("src/server/a.ts", 'const { DatabaseSync } = await import("node:sqlite");'),
    ];
    expect(nodeImports(broken)).toEqual(["src/client/sync.ts imports node:crypto", "src/wire/a.ts imports buffer"]);
    expect(heavyPackages(broken)).toEqual([
      "src/wire/b.ts imports zod",
      "src/client/b.ts imports react",
      "src/client/c.ts imports @sqlite.org/sqlite-wasm",
    ]);
    expect(loadedBy(broken, `${WORKER.folder}index.ts`).filter(bringsSqlite).length).toBe(1);
    expect(sqliteImports(broken)).toEqual(["src/server/a.ts imports node:sqlite"]);
  });
});

function wrongDirections(files: readonly Source[]): string[] {
  return files.flatMap((file) => {
    const own = folderOf(file.path);
    // The files of src/ itself are the package's front door: they may open every room but these two.
    const allowed = own === "" ? Object.keys(MAY_IMPORT).filter((name) => name !== "cli" && name !== "testing") : null;
    return file.imports
      .filter(({ target }) => target !== null)
      .filter(({ target }) => {
        const other = folderOf(String(target));
        if (other === own) return !String(target).startsWith("src/");
        return !(allowed ?? MAY_IMPORT[own] ?? []).includes(other);
      })
      .map(({ target }) => `${file.path} imports ${target}`);
  });
}

function nodeImports(files: readonly Source[]): string[] {
  return files
    .filter((file) => RUNS_ANYWHERE.includes(folderOf(file.path)) && !file.path.startsWith(CLIENT_SQLITE))
    .flatMap((file) => importsMatching(file, NODE_MODULE));
}

function heavyPackages(files: readonly Source[]): string[] {
  return files
    .filter((file) => RUNS_ANYWHERE.includes(folderOf(file.path)))
    .flatMap((file) => importsMatching(file, /^(?!\.)/, SMALL_PACKAGES, NODE_MODULE, peersOf(file.path)));
}

function peersOf(path: string): RegExp {
  if (path.startsWith(WORKER.folder)) return WORKER.package;
  return PEERS[folderOf(path)] ?? SMALL_PACKAGES;
}

/** A file and what it imports, directly or not, types apart. */
function loadedBy(files: readonly Source[], path: string): Source[] {
  const loaded = new Set([path]);
  for (const each of loaded) {
    const imports = files.find((file) => file.path === each)?.imports ?? [];
    for (const { target, typeOnly } of imports) if (target !== null && !typeOnly) loaded.add(target);
  }
  return files.filter((file) => loaded.has(file.path));
}

function bringsSqlite(file: Source): boolean {
  return file.imports.some(({ specifier, typeOnly }) => !typeOnly && WORKER.package.test(specifier));
}

function sqliteImports(files: readonly Source[]): string[] {
  return files
    .filter((file) => !file.path.startsWith("src/store/sqlite/") && !file.path.startsWith(CLIENT_SQLITE))
    .flatMap((file) => importsMatching(file, /^node:sqlite$/));
}

function importsMatching(file: Source, pattern: RegExp, ...except: readonly RegExp[]): string[] {
  return file.imports
    .filter(({ specifier }) => pattern.test(specifier) && !except.some((other) => other.test(specifier)))
    .map(({ specifier }) => `${file.path} imports ${specifier}`);
}

type Graph = Map<string, Set<string>>;

function folderGraph(files: readonly Source[]): Graph {
  return graphOf(files, folderOf, () => true);
}

function fileGraph(files: readonly Source[]): Graph {
  return graphOf(
    files,
    (path) => path,
    ({ typeOnly }) => !typeOnly,
  );
}

function graphOf(
  files: readonly Source[],
  nameOf: (path: string) => string,
  counts: (edge: Source["imports"][number]) => boolean,
): Graph {
  const graph: Graph = new Map();
  for (const file of files) {
    const from = nameOf(file.path);
    const targets = graph.get(from) ?? new Set();
    for (const edge of file.imports) {
      if (edge.target !== null && counts(edge) && nameOf(edge.target) !== from) targets.add(nameOf(edge.target));
    }
    graph.set(from, targets);
  }
  return graph;
}

/** One circle for each edge that leads back to where the walk came from. */
function circles(graph: Graph): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      found.push([...path.slice(path.indexOf(name)), name].join(" -> "));
      return;
    }
    if (done.has(name)) return;
    for (const next of graph.get(name) ?? []) walk(next, [...path, name]);
    done.add(name);
  };
  for (const name of graph.keys()) walk(name, []);
  return found;
}
