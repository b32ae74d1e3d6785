import type { Revision } from "../model/record.ts";
import type { IdentityHost } from "../server/identity.ts";
import type { VerifierRecord } from "./collections.ts";
import { CREDENTIALS, isLinkManaged } from "./names.ts";
import type { Tail } from "./tail.ts";
import { again, type Writer } from "./writer.ts";

/** How often a write that met somebody else's is made again. */
const ATTEMPTS = 5;

/** What somebody's password is to become. */
export interface NewVerifier {
  readonly user: string;
  readonly phc: string;
  readonly mustChange: boolean;
}

/** The password verifiers: which there are is known in memory, what they are is read where one is needed. */
export class Credentials {
  /** The revision at which each user's password last became another one. */
  readonly changed = new Map<string, Revision>();
  readonly #host: Pick<IdentityHost, "store">;
  readonly #tail: Tail;
  readonly #writer: Writer;
  readonly #managerOf: (user: string) => string | undefined;

  /** - `managerOf`: who manages a user. */
  constructor(
    host: Pick<IdentityHost, "store">,
    tail: Tail,
    writer: Writer,
    managerOf: (user: string) => string | undefined,
  ) {
    this.#managerOf = managerOf;
    this.#host = host;
    this.#tail = tail;
    this.#writer = writer;
  }

  changedAt(user: string): Revision {
    return this.changed.get(user) ?? 0;
  }

  async of(user: string): Promise<VerifierRecord | null> {
    const found = await this.#host.store.read(CREDENTIALS, [{ kind: "row", collection: "verifiers", id: user }]);
    const text = found?.results[0]?.text ?? null;
    const verifier = text === null ? null : (JSON.parse(text) as VerifierRecord);
    // A link gives passwords to its own users alone: to nobody who is, or comes to be, somebody else's (U5).
    const strange = isLinkManaged(verifier?.managedBy) && verifier?.managedBy !== this.#managerOf(user);
    return strange ? null : verifier;
  }

  /** Sets passwords, all of them or none. `now`: milliseconds since 1970. */
  async set(verifiers: readonly NewVerifier[], now: number): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await this.#tail.catchUp();
      const writes = verifiers.map(({ user, phc, mustChange }) => {
        // Two in one millisecond, or under a clock that was set back, are still two.
        const manager = this.#managerOf(user);
        const managedBy = isLinkManaged(manager) ? manager : null;
        const record = { id: user, phc, changed: now + attempt, mustChange: mustChange ? true : null, managedBy };
        return { op: this.changed.has(user) ? "update" : "insert", collection: "verifiers", record } as const;
      });
      const { status } = await this.#writer.write(this.#tail.revision, writes);
      await this.#tail.catchUp();
      if (status === "applied") return;
    }
    throw again();
  }

  /** Replaces a verifier by a stronger one of the same password, unless another came meanwhile. */
  async strengthen({ id, phc }: VerifierRecord, stronger: string): Promise<void> {
    await this.#tail.catchUp();
    const record = { id, phc: stronger };
    await this.#writer.write(this.#tail.revision, [{ op: "update", collection: "verifiers", record, expect: { phc } }]);
  }

  /** Takes away what was left by users who are gone for good. */
  async drop(users: readonly string[]): Promise<void> {
    await this.#tail.catchUp();
    const writes = users.map((id) => ({ op: "delete", collection: "verifiers", id }) as const);
    if (writes.length > 0) await this.#writer.write(this.#tail.revision, writes);
  }
}
