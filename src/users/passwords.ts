import { utf8Length } from "../util/utf8.ts";
import { Problem } from "../wire/problem.ts";
import { POLICY } from "./phc.ts";

/** The part of `@node-rs/argon2` that is used. */
export interface Argon2 {
  hash(password: string, options: object): Promise<string>;
  verify(phc: string, password: string): Promise<boolean>;
}

/** Argon2id, in the numbering of `@node-rs/argon2`. */
const ARGON2ID = 2;
const LEAST = 8;
/** Bytes of UTF-8. */
export const LONGEST = 1_024;

/** Each takes 19 MiB and a thread: so many at a time leave the server its threads, and no more wait than are soon served. */
const SLOTS = 2;
const WAITING = 100;

/** Verified where there is nothing to verify, so that a name that does not exist costs what one costs that does (U3). */
const NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IG9mIG5vYm9keQ$J1vJb4Bz4kS4mVxWQ0mYy3qk2bX2C8v0mHq1o2JpR4A";

/** Why a text may not become a password; null where it may. */
export function passwordFlaw(password: string): string | null {
  const plain = normalised(password);
  if ([...plain].length < LEAST) return `a password has at least ${LEAST} characters`;
  if (utf8Length(plain) > LONGEST) return `a password has at most ${LONGEST} bytes`;
  if (!plain.isWellFormed()) return "a password is text that can be written down";
  return null;
}

/** Makes and checks password verifiers, a few at a time. */
export class Passwords {
  readonly #argon: () => Promise<Argon2>;
  #busy = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(argon: () => Promise<Argon2> = loadArgon2) {
    this.#argon = argon;
  }

  /** A verifier in PHC form. */
  hash(password: string): Promise<string> {
    const { memory, passes, threads } = POLICY;
    const options = { algorithm: ARGON2ID, memoryCost: memory, timeCost: passes, parallelism: threads };
    return this.#one((argon) => argon.hash(normalised(password), options));
  }

  /** Whether it is the password; with null it never is, which takes as long to say. */
  async verify(phc: string | null, password: string): Promise<boolean> {
    const tried = utf8Length(password) > LONGEST ? "" : normalised(password);
    // A verifier that argon2 itself refuses is nobody's.
    const right = await this.#one((argon) => argon.verify(phc ?? NOBODY, tried).catch(() => false));
    return right && phc !== null && tried !== "";
  }

  async #one<T>(work: (argon: Argon2) => Promise<T>): Promise<T> {
    const argon = await this.#argon();
    if (this.#busy >= SLOTS) await this.#turn();
    else this.#busy++;
    try {
      return await work(argon);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= WAITING)
      throw new Problem("rate-limited", "too many logins at once: try again", { retryAfter: 2 });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** One spelling of what is typed alike on different keyboards. */
function normalised(password: string): string {
  return password.normalize("NFKC");
}

export async function loadArgon2(): Promise<Argon2> {
  try {
    return (await import("@node-rs/argon2")) as unknown as Argon2;
  } catch {
    throw new Problem("unavailable", "passwords need the package @node-rs/argon2 on the server: npm install it");
  }
}
