import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";
import { DuckDBConnection } from "@duckdb/node-api";

/** When a process is killed: at the nth step whose name the pattern finds. */
export interface Death {
  readonly at: string;
  readonly nth: number;
  /** Steps count from behind the first one that this finds. */
  readonly since?: string;
  /** `during`: so many milliseconds after it began, or as soon as it has ended. */
  readonly how: "before" | "after" | { readonly during: number };
}

/**
 * Lets this process be killed, as by the system, at a step of its work. Steps are what reaches beyond it: each statement of
 * DuckDB (`duckdb SQL`), each message to PostgreSQL (`postgres …SQL…`), each change of a file (`file rename PATH`).
 */
export function dieAt({ at, nth, how, since }: Death, postgresPort: number | null): void {
  const pattern = new RegExp(at, "s");
  let begun = since === undefined;
  let met = 0;
  const step = <T>(name: string, work: () => T): T => {
    if (!begun) begun = new RegExp(since as string, "s").test(name);
    else if (pattern.test(name) && ++met === nth) return last(work);
    return work();
  };
  const last = <T>(work: () => T): T => {
    if (how === "before") die();
    if (typeof how === "object") setTimeout(die, how.during);
    const done = work();
    if (!(done instanceof Promise)) die();
    return (done as Promise<unknown>).finally(die) as T;
  };
  watchDuckDB(step);
  watchFiles(step);
  if (postgresPort !== null) watchPostgres(step, postgresPort);
}

type Stepping = <T>(name: string, work: () => T) => T;

function die(): void {
  process.kill(process.pid, "SIGKILL");
}

function watchDuckDB(step: Stepping): void {
  const proto = DuckDBConnection.prototype;
  const { run, runAndReadAll, createAppender } = proto;
  proto.run = function (this: DuckDBConnection, ...args) {
    return step(`duckdb ${args.join(" ")}`, () => run.apply(this, args));
  };
  proto.runAndReadAll = function (this: DuckDBConnection, ...args) {
    return step(`duckdb ${args.join(" ")}`, () => runAndReadAll.apply(this, args));
  };
  proto.createAppender = async function (this: DuckDBConnection, ...args) {
    const appender = await createAppender.apply(this, args);
    const close = appender.closeSync.bind(appender);
    appender.closeSync = () => step(`duckdb INSERT INTO "${args[0]}"`, close);
    return appender;
  };
}

function watchFiles(step: Stepping): void {
  const { renameSync, linkSync, rmSync, writeFileSync } = fs;
  fs.renameSync = (from, to) => step(`file rename ${to}`, () => renameSync(from, to));
  fs.linkSync = (from, to) => step(`file link ${to}`, () => linkSync(from, to));
  fs.rmSync = (path, options) => step(`file remove ${path}`, () => rmSync(path, options));
  fs.writeFileSync = (path, text, ...rest) =>
    step(`file write ${path} ${text}`, () => writeFileSync(path, text, ...rest));
  syncBuiltinESMExports();
}

/** What is written has left the process, whether it has been answered or not. */
function watchPostgres(step: Stepping, port: number): void {
  const { write } = Socket.prototype;
  Socket.prototype.write = function (this: Socket, ...args: unknown[]) {
    const send = () => Reflect.apply(write, this, args) as boolean;
    if (this.remotePort !== port) return send();
    return step(`postgres ${Buffer.from(args[0] as Uint8Array).toString("latin1")}`, send);
  };
}
