import type { Check } from "./check.ts";
import { protocol } from "./protocol.ts";
import { pulls } from "./pull.ts";
import { pushes } from "./push.ts";
import { type Subject, Trial } from "./trial.ts";
import { verifies } from "./verify.ts";

export type { Subject } from "./trial.ts";

/** In the order in which a new implementation gets there. */
export const CHECKS: readonly Check[] = [...protocol, ...pushes, ...pulls, ...verifies];

export interface Verdict {
  readonly id: string;
  readonly title: string;
  readonly result: "passed" | "failed" | "skipped";
  /** What the server did instead, or why the check was passed over. */
  readonly detail: string | null;
}

/**
 * Holds a server to the protocol, one check after the other, in a space that nobody else writes to. The checks follow
 * docs/spec.md, whose rules they name.
 *
 * @throws where nobody answers at the address.
 * @example for await (const { id, result } of conformance({ url, space: "trial", ... })) console.log(id, result);
 */
export async function* conformance(subject: Subject): AsyncGenerator<Verdict> {
  await subject.fetch(`${subject.url}/readyz`);
  const admin = await isAdmin(subject);
  for (const { id, title, admin: needed, run } of CHECKS) {
    if (needed === true && !admin) {
      yield { id, title, result: "skipped", detail: "it is for admin" };
      continue;
    }
    try {
      await run(new Trial(subject));
      yield { id, title, result: "passed", detail: null };
    } catch (error) {
      yield { id, title, result: "failed", detail: error instanceof Error ? error.message : String(error) };
    }
  }
}

async function isAdmin(subject: Subject): Promise<boolean> {
  const response = await new Trial(subject).request("/journal?limit=1");
  await response.arrayBuffer();
  return response.status !== 403;
}
