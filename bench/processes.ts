import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** Server and client of a benchmark are processes of their own. */

export interface Addresses {
  readonly url: string;
  /** A bare server: what it was given, told again; rows into SQLite; memory of the process. */
  readonly floor: string;
  /** The same HTTP library with nothing behind it. */
  readonly empty: string;
}

export interface Child {
  readonly process: ChildProcess;
  end(): Promise<void>;
}

export interface BenchServer extends Child {
  readonly addresses: Addresses;
}

/** Where a process writes what it spent its time on. */
export interface Profile {
  readonly folder: string;
  readonly name: string;
}

export async function startServer(folder: string, profile?: Profile): Promise<BenchServer> {
  const { told, ...child } = await serving<Addresses>("server.ts", [folder], profile);
  return { ...child, addresses: told };
}

/** Starts a script that serves until it is ended; what it sends first are its addresses. */
export async function serving<Told>(
  script: string,
  args: readonly string[],
  profile?: Profile,
): Promise<Child & { readonly told: Told }> {
  const child = started(script, args, profile);
  const [told] = (await Promise.race([once(child.process, "message"), failed(child.process)])) as [Told];
  return { ...child, told };
}

/** Runs a script to its end; what it sends is its result. */
export async function run<Result>(script: string, args: readonly string[], profile?: Profile): Promise<Result> {
  const child = started(script, args, profile);
  const [result] = (await Promise.race([once(child.process, "message"), failed(child.process)])) as [Result];
  await child.end();
  return result;
}

function started(script: string, args: readonly string[], profile?: Profile): Child {
  const execArgv = [
    "--expose-gc",
    ...(profile
      ? ["--cpu-prof", `--cpu-prof-dir=${profile.folder}`, `--cpu-prof-name=${profile.name}.cpuprofile`]
      : []),
  ];
  const child = fork(join(import.meta.dirname, script), [...args], { execArgv });
  const end = async () => {
    if (child.exitCode !== null) return;
    const gone = once(child, "exit");
    if (child.connected) child.disconnect();
    await gone;
  };
  return { process: child, end };
}

async function failed(child: ChildProcess): Promise<never> {
  const [code, signal] = await once(child, "exit");
  throw new Error(`a benchmark process ended with ${code ?? signal}`);
}
