import type { User } from "../model/schema.ts";
import type { IdentityHost } from "../server/identity.ts";
import { toBase64Url } from "../util/base64.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import { Accounts } from "./accounts.ts";
import { Carrier } from "./carrier.ts";
import type { SessionRecord, SourceRecord } from "./collections.ts";
import { Credentials } from "./credentials.ts";
import { Directory } from "./directory.ts";
import { Guesses } from "./guesses.ts";
import type { LdapSources } from "./ldap/sources.ts";
import { CREDENTIALS, FOUNDER, KEEPER, SESSIONS, SYSTEM } from "./names.ts";
import type { Passwords } from "./passwords.ts";
import { ScimTokens } from "./scim/tokens.ts";
import { type Lifetimes, Sessions } from "./sessions.ts";
import { SetupCodes } from "./setup.ts";
import { Sources } from "./sources.ts";
import { Tail, writtenAt } from "./tail.ts";
import { Tokens } from "./tokens.ts";
import { again, Writer } from "./writer.ts";

/** Everything that the accounts of one server consist of. */
export interface Opened {
  readonly host: IdentityHost;
  readonly directory: Directory;
  readonly credentials: Credentials;
  readonly sessions: Sessions;
  readonly codes: SetupCodes;
  readonly accounts: Accounts;
  readonly scimTokens: ScimTokens;
  readonly sources: Sources;
  readonly random: Random;
  readonly clock: Clock;
  /** By which a source of users writes. */
  carrier(source: string): Carrier;
  /** Whether it is the principal of a carrier: known by the object, not by the name. */
  isCarrier(user: User): boolean;
  readonly system: Tail;
  readonly tails: readonly Tail[];
  readonly tokens: () => Promise<Tokens>;
  /** Resolves when everything of which this process has heard is in memory. */
  current(): Promise<void>;
  /** Resolves when everything that any server has committed is. */
  catchUp(): Promise<void>;
}

interface Parts {
  readonly host: IdentityHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly passwords: Passwords;
  readonly lifetimes: Lifetimes;
  readonly ldap: Pick<LdapSources, "verifier">;
  /** A login may have ended, or a permission changed. */
  changed(): void;
}

export function openState({ host, clock, random, passwords, lifetimes, changed, ldap }: Parts): Opened {
  const { store, stopping, log } = host;
  const directory = new Directory();
  let decides = false;
  const told = () => {
    if (!decides) return;
    decides = false;
    changed();
  };
  const note = (decided: boolean) => {
    decides ||= decided;
  };

  const tailOf = (space: string, apply: ConstructorParameters<typeof Tail>[2]["apply"], clear: () => void) =>
    new Tail({ store, clock, stopping }, space, { apply, clear: () => (clear(), note(true)), applied: told });

  const system = tailOf(
    SYSTEM,
    (change, record) => {
      const { collection, id } = change;
      if (collection === "users") {
        const since = record === null ? null : writtenAt(change, "active");
        note(since !== directory.activeSince(id));
        directory.setActiveSince(id, since);
      }
      note(directory.put(collection, id, record));
    },
    () => directory.clear(),
  );
  const verifiers = tailOf(
    CREDENTIALS,
    (change, record) => {
      if (record === null) credentials.changed.delete(change.id);
      else credentials.changed.set(change.id, writtenAt(change, "changed"));
      note(true);
    },
    () => credentials.changed.clear(),
  );
  const own = tailOf(
    SESSIONS,
    ({ collection, id }, record) => {
      if (collection === "sessions") {
        if (record === null) note(sessions.known.delete(id));
        else sessions.known.set(id, record as unknown as SessionRecord);
      }
      if (collection === "tokens") {
        if (record === null) scimTokens.known.delete(id);
        else scimTokens.known.set(id, { name: String(record.name), made: Number(record.made) });
      }
      if (collection === "sources") {
        if (record === null) sources.known.delete(id);
        else sources.known.set(id, record as unknown as SourceRecord);
      }
      if (collection !== "codes") return;
      if (record === null) codes.known.delete(id);
      else codes.known.set(id, { ends: Number(record.ends), spent: record.spent === true });
    },
    () => {
      for (const { known } of [sessions, codes, scimTokens, sources]) known.clear();
    },
  );

  const tails = [system, verifiers, own];
  const current = () => Promise.all(tails.map((tail) => tail.current())).then(() => undefined);
  const catchUp = () => Promise.all(tails.map((tail) => tail.catchUp())).then(() => undefined);
  const writerTo = (space: string) => new Writer(host, space, random, KEEPER);
  const credentials = new Credentials(
    host,
    verifiers,
    writerTo(CREDENTIALS),
    (user) => directory.users.get(user)?.managedBy,
  );
  const writer = writerTo(SESSIONS);
  const tokens = keysOf(host, own, writer, random, clock);
  const sessions = new Sessions({ directory, credentials, tail: own, writer, tokens, lifetimes, clock, random });
  const codes = new SetupCodes(own, writer, random);
  const scimTokens = new ScimTokens(own, writer, random);
  const sources = new Sources({ directory, tail: own, writer, clock, log });
  const principals = new WeakSet<User>();
  const carriers = new Map<string, Carrier>();
  const carrier = (source: string) => {
    let known = carriers.get(source);
    if (known !== undefined) return known;
    const user: User = { id: source };
    principals.add(user);
    known = new Carrier({ host, tail: system, random }, source, user);
    carriers.set(source, known);
    return known;
  };
  const accounts = new Accounts({
    directory,
    credentials,
    sessions,
    codes,
    passwords,
    elsewhere: (user) => ldap.verifier(user),
    guesses: new Guesses(clock),
    tail: system,
    founder: new Writer(host, SYSTEM, random, FOUNDER),
    clock,
    random,
    log,
    current,
  });
  const isCarrier = (user: User) => principals.has(user);
  const kept = { directory, credentials, sessions, codes, accounts, scimTokens, sources, tokens };
  return { ...kept, host, random, clock, carrier, isCarrier, system, tails, current, catchUp };
}

/** The key that tokens are signed by: made by the first server that needs it, and the same for all on its store. */
function keysOf(host: IdentityHost, tail: Tail, writer: Writer, random: Random, clock: Clock): () => Promise<Tokens> {
  let known: Promise<Tokens> | null = null;
  const stored = async (): Promise<string | null> => {
    const found = await host.store.read(SESSIONS, [{ kind: "row", collection: "keys", id: "signing" }]);
    const text = found?.results[0]?.text ?? null;
    return text === null ? null : (JSON.parse(text) as { secret: string }).secret;
  };
  const made = async (): Promise<Tokens> => {
    let secret = await stored();
    if (secret === null) {
      const record = { id: "signing", secret: toBase64Url(random.bytes(32)) };
      await writer.write(tail.revision, [{ op: "insert", collection: "keys", record }]);
      secret = await stored();
    }
    if (secret === null) throw again();
    return new Tokens(secret, clock);
  };
  return () => {
    known ??= made().catch((error: unknown) => {
      known = null;
      throw error;
    });
    return known;
  };
}
