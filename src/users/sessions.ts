import type { Clock } from "../util/clock.ts";
import { type Random, randomName } from "../util/random.ts";
import { sha256Hex } from "../util/sha256.ts";
import { Problem } from "../wire/problem.ts";
import type { SessionRecord } from "./collections.ts";
import type { Credentials } from "./credentials.ts";
import { type Directory, isIn } from "./directory.ts";
import type { Tail } from "./tail.ts";
import type { Shown, Tokens } from "./tokens.ts";
import { again, type Writer } from "./writer.ts";

/** How long a login lasts, in milliseconds. */
export interface Lifetimes {
  readonly access: number;
  readonly idle: number;
  readonly session: number;
}

/** What a login, or a refresh, hands out. */
export interface Issued {
  readonly accessToken: string;
  /** Seconds until the access token ends. */
  readonly expiresIn: number;
  readonly refreshToken: string;
}

/** Revisions that a session depends on: it holds only while both are as they were when the password was shown. */
export interface Basis {
  readonly active: number;
  readonly credential: number;
}

interface Parts {
  readonly directory: Directory;
  readonly credentials: Credentials;
  readonly tail: Tail;
  readonly writer: Writer;
  readonly tokens: () => Promise<Tokens>;
  readonly lifetimes: Lifetimes;
  readonly clock: Clock;
  readonly random: Random;
}

const ATTEMPTS = 5;
const ENDED = "the login has ended: log in again";

/** The sessions of this server: a family of refresh tokens each, of which one is good once. */
export class Sessions {
  /** In memory, as the tail brings them. */
  readonly known = new Map<string, SessionRecord>();
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  basisOf(user: string): Basis {
    const { directory, credentials } = this.#parts;
    return { active: directory.activeSince(user) ?? 0, credential: credentials.changedAt(user) };
  }

  /** Whether a session is still one: its user may come in, with the password that it began with. */
  holds(session: string): boolean {
    const { directory, clock } = this.#parts;
    const found = this.known.get(session);
    if (found === undefined || clock.now() >= found.ends) return false;
    if (!isIn(directory.users.get(found.user), clock.now())) return false;
    const { active, credential } = this.basisOf(found.user);
    return found.active === active && found.credential === credential;
  }

  async begin(user: string, basis: Basis): Promise<Issued> {
    const { tail, writer, lifetimes, clock, random } = this.#parts;
    const now = clock.now();
    const session = { id: randomName(random), user, ends: now + lifetimes.session };
    const once = randomName(random) + randomName(random);
    const record = { ...session, ...basis, refresh: sha256Hex(once), idle: now + lifetimes.idle };
    const { status } = await writer.write(tail.revision, [{ op: "insert", collection: "sessions", record }]);
    if (status !== "applied") throw again();
    await tail.current();
    return this.#issue({ ...session, idle: record.idle }, once);
  }

  /** The next pair of tokens. A refresh token that was used before is in two hands: its session ends. */
  async refresh(token: string): Promise<Issued> {
    const { tail, writer, lifetimes, clock, random } = this.#parts;
    const shown = await this.#shown(token);
    const session = this.known.get(shown.session);
    if (session === undefined || !this.holds(shown.session)) throw ended();
    const spent = sha256Hex(shown.once);
    const once = randomName(random) + randomName(random);
    const next = { refresh: sha256Hex(once), idle: Math.min(session.ends, clock.now() + lifetimes.idle) };
    const { status } = await writer.write(tail.revision, [
      { op: "update", collection: "sessions", record: { id: session.id, ...next }, expect: { refresh: spent } },
    ]);
    if (status !== "applied") {
      await this.end(session.id);
      throw ended();
    }
    await tail.current();
    return this.#issue({ ...session, idle: next.idle }, once);
  }

  /** Ends the session of a refresh token, of any that it ever had. */
  async logout(token: string): Promise<void> {
    const { session } = await this.#shown(token);
    await this.end(session);
  }

  async end(session: string): Promise<void> {
    await this.#drop([session]);
  }

  /** Takes away the sessions that will never hold again. */
  async sweep(): Promise<void> {
    const { clock } = this.#parts;
    const over = [...this.known.values()].filter(({ id, idle }) => idle <= clock.now() || !this.holds(id));
    for (let i = 0; i < over.length; i += 500) await this.#drop(over.slice(i, i + 500).map(({ id }) => id));
  }

  async #drop(sessions: readonly string[]): Promise<void> {
    const { tail, writer } = this.#parts;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await tail.catchUp();
      const writes = sessions
        .filter((id) => this.known.has(id))
        .map((id) => ({ op: "delete", collection: "sessions", id }) as const);
      if (writes.length === 0) return;
      await writer.write(tail.revision, writes);
    }
    await tail.catchUp();
    if (sessions.some((id) => this.known.has(id))) throw again();
  }

  async #shown(token: string): Promise<Shown> {
    const { tail, tokens } = this.#parts;
    const shown = await (await tokens()).read("refresh", token);
    if (shown === null) throw ended();
    await tail.catchUp();
    return shown;
  }

  async #issue(session: Pick<SessionRecord, "id" | "user" | "ends" | "idle">, once: string): Promise<Issued> {
    const { lifetimes, clock, tokens } = this.#parts;
    const { id, user } = session;
    const keys = await tokens();
    const now = clock.now();
    const ends = Math.min(session.ends, now + lifetimes.access);
    return {
      accessToken: await keys.sign("access", { user, session: id, ends, once: "" }),
      expiresIn: Math.floor((ends - now) / 1_000),
      refreshToken: await keys.sign("refresh", { user, session: id, ends: session.idle, once }),
    };
  }
}

function ended(): Problem {
  return new Problem("unauthenticated", ENDED);
}
