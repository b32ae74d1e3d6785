import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { sha256Hex } from "../../util/sha256.ts";
import type { Answer, Comparison, Difference, Field, Session, Sink, Step, StoredRow } from "../sink.ts";
import { WarehouseError } from "../sink.ts";
import { quoted, SqlSession } from "../sql.ts";
import type { State } from "../state.ts";
import { answered, DuckDBEngine, driver } from "./duckdb.ts";
import { loadFolder } from "./loading.ts";

/** What of a folder counts: the files of each table, in the folder. It is the commit. */
interface Manifest {
  readonly state: State;
  readonly tables: { readonly [table: string]: readonly string[] };
}

/** Manifests that stay, with their files, for who is reading by an older one. */
const KEPT = 2;
const OVERTAKEN = "another process has gone on with this warehouse: let only one of them run";
const MANIFEST = /^manifest-(\d+)\.json$/;

/**
 * A warehouse in a folder of Parquet files. A table that only gets new rows gets a file more; one of which rows change is
 * written anew, whole.
 *
 * @example const sink = parquetSink("reports");
 */
export function parquetSink(folder: string): Sink {
  const instances: { instance: DuckDBInstance; connection: DuckDBConnection }[] = [];
  const connect = async () => {
    const { DuckDBInstance } = await driver();
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    instances.push({ instance, connection });
    return connection;
  };
  return {
    place: folder,
    async session(): Promise<Session> {
      mkdirSync(folder, { recursive: true });
      return new ParquetSession(folder, await connect());
    },
    async query(sql): Promise<Answer> {
      const connection = await connect();
      for (const [table, files] of Object.entries(newest(folder)?.tables ?? {})) {
        if (files.length > 0) await connection.run(`CREATE VIEW ${quoted(table)} AS ${reading(folder, files)}`);
      }
      return await answered(connection, sql);
    },
    async close() {
      for (const { instance, connection } of instances.splice(0)) {
        connection.closeSync();
        instance.closeSync();
      }
    },
  };
}

function reading(folder: string, files: readonly string[]): string {
  const paths = files.map((file) => `'${join(folder, file).replaceAll("'", "''")}'`);
  return `SELECT * FROM read_parquet([${paths.join(", ")}], union_by_name = true)`;
}

function versions(folder: string): number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => MANIFEST.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

function newest(folder: string): Manifest | null {
  const version = versions(folder).at(-1);
  return version === undefined ? null : manifestOf(folder, version);
}

function nameOf(version: number): string {
  return `manifest-${String(version).padStart(9, "0")}.json`;
}

function manifestOf(folder: string, version: number): Manifest {
  return JSON.parse(readFileSync(join(folder, nameOf(version)), "utf8")) as Manifest;
}

/** What of a table is in memory: only new rows, or all of it. */
type Loaded = "added" | "whole";

/** Works in a database in memory, and writes what has changed of it as files. */
class ParquetSession implements Session {
  readonly #folder: string;
  readonly #engine: DuckDBEngine;
  readonly #sql: SqlSession;
  /** By table as they stand now: the files that hold it beside what is in memory. */
  #files = new Map<string, readonly string[]>();
  readonly #loaded = new Map<string, Loaded>();
  readonly #changed = new Set<string>();
  /** Of all tables that may be in memory. */
  readonly #names = new Set<string>();

  constructor(folder: string, connection: DuckDBConnection) {
    this.#folder = folder;
    this.#engine = new DuckDBEngine(connection, loadFolder(join(folder, ".duckdb")));
    this.#sql = new SqlSession(this.#engine);
  }

  async state(): Promise<State | null> {
    const manifest = newest(this.#folder);
    this.#files = new Map(Object.entries(manifest?.tables ?? {}));
    return manifest?.state ?? null;
  }

  async apply(step: Step): Promise<number> {
    const { table } = step;
    switch (step.do) {
      case "create":
        this.#files.set(table, []);
        this.#loaded.set(table, "whole");
        this.#names.add(table);
        break;
      case "drop":
        await this.#forget(table);
        this.#files.delete(table);
        return 0;
      case "rename":
        await this.#rename(table, step.to);
        return 0;
      case "insert":
      case "load":
        if (!this.#loaded.has(table)) await this.#load(table, "added");
        break;
      case "carry":
        await this.#load(step.from, "whole");
        await this.#load(table, "whole");
        break;
      default:
        await this.#load(table, "whole");
    }
    this.#changed.add(table);
    return await this.#sql.apply(step);
  }

  async open(table: string, fields: readonly Field[], ids: readonly string[], where: string): Promise<StoredRow[]> {
    await this.#load(table, "whole");
    return await this.#sql.open(table, fields, ids, where);
  }

  async count(table: string, where: string): Promise<number> {
    await this.#load(table, "whole");
    return await this.#sql.count(table, where);
  }

  async differences(comparison: Comparison): Promise<Difference[]> {
    await this.#load(comparison.table, "whole");
    return await this.#sql.differences(comparison);
  }

  async commit(state: State): Promise<void> {
    try {
      await this.#commit(state);
    } catch (cause) {
      // Whoever has gone on with the folder has also removed what no manifest of his names.
      if ((versions(this.#folder).at(-1) ?? 0) < state.version) throw cause;
      throw new WarehouseError("overtaken", OVERTAKEN, { cause });
    }
    await this.#clear();
    this.#sweep();
  }

  /** Files first, each under its final name only when it is whole and on the disk; the manifest last. */
  async #commit(state: State): Promise<void> {
    await this.#sql.settled();
    const { cursor, revision, build } = state;
    // By what it brings: to repeat it writes the same file, and who does something else writes another.
    const batch = sha256Hex(JSON.stringify([cursor, revision, build?.cursor ?? null, build?.revision ?? 0])).slice(
      0,
      8,
    );
    const version = `${String(state.version).padStart(9, "0")}-${batch}`;
    for (const table of this.#changed) {
      const kept = this.#loaded.get(table) === "added" ? (this.#files.get(table) ?? []) : [];
      const [collection = table, generation] = table.split("$");
      const file = join(collection, `${version}${generation === undefined ? "" : `-${generation}`}.parquet`);
      if (generation === "check") continue;
      await this.#write(table, file);
      this.#files.set(table, [...kept, file]);
    }
    this.#publish(state.version, { state, tables: Object.fromEntries(this.#files) });
  }

  async rollback(): Promise<void> {
    await this.#clear();
    await this.state();
  }

  /** Nothing stays in memory from one commit to the next. */
  async #clear(): Promise<void> {
    await this.#sql.rollback();
    for (const table of this.#names) await this.#engine.run(`DROP TABLE IF EXISTS ${quoted(table)}`);
    this.#names.clear();
    this.#loaded.clear();
    this.#changed.clear();
  }

  async #load(table: string, wanted: Loaded): Promise<void> {
    const loaded = this.#loaded.get(table);
    if (loaded === "whole" || loaded === wanted) return;
    const files = this.#files.get(table) ?? [];
    this.#names.add(table);
    // What was added before stays; what the files hold comes to it.
    if (loaded === undefined) {
      const limit = wanted === "added" ? " LIMIT 0" : "";
      await this.#engine.run(`CREATE TABLE ${quoted(table)} AS ${reading(this.#folder, files)}${limit}`);
    } else {
      await this.#engine.run(`INSERT INTO ${quoted(table)} BY NAME ${reading(this.#folder, files)}`);
    }
    this.#loaded.set(table, wanted);
  }

  async #forget(table: string): Promise<void> {
    if (this.#loaded.delete(table)) await this.#sql.apply({ do: "drop", table });
    this.#changed.delete(table);
  }

  async #rename(table: string, to: string): Promise<void> {
    if (this.#loaded.has(table)) await this.#sql.apply({ do: "rename", table, to });
    this.#names.add(to);
    for (const held of [this.#files, this.#loaded] as Map<string, unknown>[]) {
      if (!held.has(table)) continue;
      held.set(to, held.get(table));
      held.delete(table);
    }
    if (this.#changed.delete(table)) this.#changed.add(to);
  }

  async #write(table: string, file: string): Promise<void> {
    const path = join(this.#folder, file);
    mkdirSync(dirname(path), { recursive: true });
    const order = await this.#engine.all(
      `SELECT 1 AS n FROM information_schema.columns WHERE table_name = '${table}' AND column_name = '_valid_from'`,
    );
    const by = order.length > 0 ? "id, _valid_from" : "id";
    const whole = this.#loaded.get(table) === "whole" ? ` ORDER BY ${by}` : "";
    const temporary = `${path}.${temporaryName()}`;
    await this.#engine.run(
      `COPY (SELECT * FROM ${quoted(table)}${whole}) TO '${temporary.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`,
    );
    flushed(temporary);
    renameSync(temporary, path);
    flushed(dirname(path));
  }

  /** A manifest is never replaced: who finds one of its number there has been overtaken. */
  #publish(version: number, manifest: Manifest): void {
    const path = join(this.#folder, nameOf(version));
    const temporary = `${path}.${temporaryName()}`;
    writeFileSync(temporary, JSON.stringify(manifest));
    flushed(temporary);
    try {
      linkSync(temporary, path);
    } finally {
      rmSync(temporary);
    }
    flushed(this.#folder);
  }

  /** Removes what only older manifests name, and what a run that was killed left behind. */
  #sweep(): void {
    const all = versions(this.#folder);
    for (const version of all.slice(0, -KEPT)) rmSync(join(this.#folder, nameOf(version)));
    const needed = new Set(
      all.slice(-KEPT).flatMap((version) => Object.values(manifestOf(this.#folder, version).tables).flat()),
    );
    for (const entry of readdirSync(this.#folder, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      for (const file of readdirSync(join(this.#folder, entry.name))) {
        const path = join(entry.name, file);
        if (/\.parquet(\.[\d-]+\.tmp)?$/.test(file) && !needed.has(path)) rmSync(join(this.#folder, path));
      }
    }
  }
}

let temporaries = 0;
const temporaryName = () => `${process.pid}-${temporaries++}.tmp`;

function flushed(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
