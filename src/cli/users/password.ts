import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { passwordFlaw } from "../../users/passwords.ts";
import { Failure, misuse } from "../failure.ts";

/** A password that somebody types, unseen, or that standard input holds: never an argument, which all on the machine can read. */
export async function readPassword(label: string): Promise<string> {
  if (process.stdin.isTTY !== true) return firstLine();
  process.stderr.write(`${label}: `);
  // What readline would echo goes nowhere.
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: unseen, terminal: true });
  try {
    return await reader.question("");
  } finally {
    reader.close();
    process.stderr.write("\n");
  }
}

/** A password that is to be set: typed twice by a person. */
export async function readNewPassword(label: string): Promise<string> {
  const password = await readPassword(label);
  const flaw = passwordFlaw(password);
  if (flaw !== null) throw misuse(`It was not taken: ${flaw}.`);
  if (process.stdin.isTTY === true && (await readPassword("once more")) !== password)
    throw new Failure("The two differ: nothing was changed.");
  return password;
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) return line;
  throw misuse("A password was expected on standard input.");
}
