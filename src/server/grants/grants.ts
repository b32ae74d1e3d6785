import { decodeProtectedHeader } from "jose";
import { ringIn } from "../../model/forest.ts";
import type { Action } from "../../model/grant.ts";
import type { User } from "../../model/schema.ts";
import type { Clock } from "../../util/clock.ts";
import { type Random, randomName } from "../../util/random.ts";
import type { Invitation, LinkGrant, Registered, Registration } from "../../wire/grants.ts";
import { Problem } from "../../wire/problem.ts";
import { VaultError } from "../vault.ts";
import type { Book, Granted } from "./book.ts";
import { excessOf, grants } from "./grant.ts";
import { signedBy, statementOf, timeFlaw } from "./keys.ts";

/** How long what a link signs for a request is good, in milliseconds. */
export const LASTS = 300_000;
/** Milliseconds between two looks for what other servers of the store have granted or revoked (U4 allows two seconds). */
const LOOK = 1_000;
const KID = "tidemark-link-";

/** How a link names the key that it signs by. */
export const keyNameOf = (link: string): string => KID + link;

interface Parts {
  readonly book: Book;
  readonly clock: Clock;
  readonly random: Random;
  readonly stopping: AbortSignal;
  /** Whether this server has accounts. */
  readonly accounts: boolean;
}

/** The links that may follow this server (S7): how they come to be, who they are, and when they end. */
export class Grants {
  readonly #parts: Parts;
  #known: ReadonlyMap<string, Granted> = new Map();
  readonly #listeners = new Set<() => void>();
  #following = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** - `lasts`: milliseconds for which the code is good. */
  async invite(grant: LinkGrant, lasts: number): Promise<Invitation> {
    const { book, clock, accounts } = this.#parts;
    if (grant.users !== "none" && !accounts)
      throw new Problem("invalid", "this server has no accounts, so none can be given to a link", { path: "users" });
    await unlocked(() => book.ownKeys());
    const now = clock.now();
    const code = await book.invite(grant, now + lasts, now);
    return { ...grant, code, expires: new Date(now + lasts).toISOString() };
  }

  /** - `path`: of the space that would be followed (S3). */
  async register({ code, key, proof, identity, wants }: Registration, path: readonly string[]): Promise<Registered> {
    const { book, clock, random } = this.#parts;
    const now = clock.now();
    const statement = await statementOf(proof, key);
    if (statement === null || statement.sub !== identity)
      throw new Problem("invalid", "the proof is not signed by the key that it is to prove", { path: "proof" });
    const flaw = timeFlaw(statement, now, LASTS);
    if (flaw !== null) throw new Problem("unauthenticated", flaw);
    const own = await unlocked(() => book.ownKeys());
    const link = randomName(random);
    const granted: Granted = { link, grant: wants, key, identity, since: now, revoked: null };
    const refusal = await book.register(code, granted, (invite) => {
      if (invite === null) return "there is no such code: `tidemark link invite` makes one";
      if (invite.spent) return "this code has been used: each is good once, `tidemark link invite` makes another";
      if (invite.ends <= now) return "this code has expired: `tidemark link invite` makes another";
      const excess = excessOf(wants, invite.grant);
      if (excess !== null) return `the code does not grant ${excess}: ask for less, or for another code`;
      return ringIn(path, identity);
    });
    if (refusal !== null) throw new Problem("unauthenticated", refusal);
    await this.#refresh();
    const { grant } = this.#known.get(link) as Granted;
    return { link, server: { id: own.id, key: own.publicKey }, grant };
  }

  async list(): Promise<readonly Granted[]> {
    return await this.#parts.book.all();
  }

  /** Ends a link: nothing is answered to it any more, and its sockets close. Null: there is none. */
  async revoke(link: string): Promise<Granted | null> {
    const { book, clock } = this.#parts;
    const revoked = await book.revoke(link, clock.now());
    await this.#refresh();
    return revoked;
  }

  /** The principal of a token that a link signed; null: it is none. Throws `unauthenticated`. */
  async identify(token: string): Promise<User | null> {
    const link = linkOf(token);
    if (link === null) return null;
    if (!this.#known.has(link)) await this.#refresh();
    const granted = this.#known.get(link);
    if (granted === undefined) throw new Problem("unauthenticated", "this link is not registered here");
    if (granted.revoked !== null) throw new Problem("unauthenticated", REVOKED);
    const statement = await statementOf(token, granted.key);
    const { id } = await unlocked(() => this.#parts.book.ownKeys());
    if (statement === null || statement.iss !== link || statement.aud !== id)
      throw new Problem("unauthenticated", "this is not signed by the link's key for this server");
    const flaw = timeFlaw(statement, this.#parts.clock.now(), LASTS);
    if (flaw !== null) throw new Problem("unauthenticated", flaw);
    return { id: `link:${link}`, claims: new ByKey(link), expires: (statement.exp ?? 0) * 1_000 };
  }

  /** Whether a link may do something; null: it is none who asks. */
  allows(user: User, action: Action): boolean | null {
    const link = linkBehind(user);
    if (link === undefined) return null;
    const granted = this.#known.get(link);
    return granted?.revoked === null && grants(granted.grant, action);
  }

  /** Whether a link is one still; null: it is none. */
  stands(user: User): boolean | null {
    const link = linkBehind(user);
    return link === undefined ? null : this.#known.get(link)?.revoked === null;
  }

  watch(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** The path of a space, signed for the link that asks; null: no link asks. Throws where it is not whom it says. */
  async signedPath(user: User, space: string, identity: string, path: readonly string[]): Promise<string | null> {
    const { book, clock } = this.#parts;
    const link = linkBehind(user);
    const granted = link === undefined ? undefined : this.#known.get(link);
    if (link === undefined || granted === undefined) return null;
    if (space === granted.grant.space && identity !== granted.identity)
      throw new Problem("forbidden", "this link was registered for another space than the one that it says it is");
    const own = await unlocked(() => book.ownKeys());
    const iat = Math.floor(clock.now() / 1_000);
    const claims = { iss: own.id, aud: link, sub: identity, path: [...path], space, iat, exp: iat + LASTS / 1_000 };
    return await signedBy(own.secret, own.id, claims);
  }

  /** What other servers of the store grant and revoke is heard of, as long as there are links at all. */
  async keepUp(): Promise<void> {
    const { book, clock, stopping } = this.#parts;
    if (this.#following || book.exclusive) return;
    this.#following = true;
    while (!stopping.aborted) {
      await clock.sleep(LOOK, stopping);
      // A failure is made good by the next look.
      if (!stopping.aborted) await this.#refresh().catch(() => undefined);
    }
  }

  async #refresh(): Promise<void> {
    const all = await this.#parts.book.all();
    const before = this.#known;
    this.#known = new Map(all.map((granted) => [granted.link, granted]));
    if (all.length > 0) void this.keepUp();
    if (all.some(({ link, revoked }) => revoked !== null && before.get(link)?.revoked === null))
      for (const listener of this.#listeners) listener();
  }
}

/** Of a principal that came by a link's key: known by its class, which no token can bear, and which no ticket keeps. */
class ByKey {
  readonly link: string;
  constructor(link: string) {
    this.link = link;
  }
}

function linkBehind({ claims }: User): string | undefined {
  return claims instanceof ByKey ? claims.link : undefined;
}

const REVOKED = "this link has been revoked: `tidemark link invite` there makes a code for another";

function linkOf(token: string): string | null {
  try {
    const { kid } = decodeProtectedHeader(token);
    return kid?.startsWith(KID) ? kid.slice(KID.length) : null;
  } catch {
    return null;
  }
}

/** What the vault cannot do is told to whoever asks: it names a variable, and no secret. */
async function unlocked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof VaultError) throw new Problem("unavailable", `the server followed: ${error.message}`);
    throw error;
  }
}
