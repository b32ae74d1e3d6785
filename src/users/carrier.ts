import type { Rejection, Write } from "../model/mutation.ts";
import type { User } from "../model/schema.ts";
import type { IdentityHost } from "../server/identity.ts";
import type { Random } from "../util/random.ts";
import { SYSTEM } from "./names.ts";
import type { Tail } from "./tail.ts";
import { again, Writer } from "./writer.ts";

const ATTEMPTS = 5;

/** What a source wrote was rejected. */
export class Rejected extends Error {
  override name = "Rejected";
  readonly rejection: Rejection;
  constructor(rejection: Rejection) {
    super(rejection.message);
    this.rejection = rejection;
  }
}

interface Parts {
  readonly host: Pick<IdentityHost, "push">;
  /** Of the space `system`. */
  readonly tail: Tail;
  readonly random: Random;
}

/** A source of users as it writes to the space `system`: with the permissions of the scope `users`, and no administrator. */
export class Carrier {
  /** `scim:NAME`, `ldap:NAME`: what the rows are managed by. */
  readonly source: string;
  readonly #tail: Tail;
  readonly #writer: Writer;

  constructor({ host, tail, random }: Parts, source: string, user: User) {
    this.source = source;
    this.#tail = tail;
    this.#writer = new Writer(host, SYSTEM, random, user);
  }

  /** Whether this source may change a record: its own, or nobody's, which then becomes its own. */
  mayChange(managedBy: unknown): boolean {
    return managedBy === undefined || managedBy === this.source;
  }

  /**
   * Writes what `plan` says of the directory as it stands, all or nothing, and plans anew where somebody else was faster.
   * Resolves when the directory knows it. Throws `Rejected`.
   */
  async write(plan: () => readonly Write[] | Promise<readonly Write[]>): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await this.#tail.catchUp();
      const base = this.#tail.revision;
      const writes = await plan();
      if (writes.length === 0) return;
      const outcome = await this.#writer.write(base, writes);
      await this.#tail.catchUp();
      if (outcome.status === "applied") return;
      if (outcome.status === "rejected") throw new Rejected(outcome);
    }
    throw again();
  }
}
