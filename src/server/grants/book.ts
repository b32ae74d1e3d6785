import { type Batch, NOTHING_WANTED, NOTHING_WRITTEN } from "../../model/batch.ts";
import type { Store } from "../../store/store.ts";
import { type Random, randomName } from "../../util/random.ts";
import { sha256Hex } from "../../util/sha256.ts";
import type { LinkGrant } from "../../wire/grants.ts";
import type { Vault } from "../vault.ts";
import { type Keys, newKeys } from "./keys.ts";

/** A space of the server's own, which nobody is shown: its notes are all that there is in it. */
export const LINKS = "system-links";
const GRANT = "grant/";
const INVITE = "invite/";
const SERVER = "server";
/** Links that are known at once. */
const MOST = 10_000;

/** A link that was registered here. */
export interface Granted {
  readonly link: string;
  readonly grant: LinkGrant;
  /** Its public key. */
  readonly key: string;
  /** Of the space that follows. */
  readonly identity: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly revoked: number | null;
}

export interface Invite {
  readonly grant: LinkGrant;
  /** Milliseconds since 1970. */
  readonly ends: number;
  readonly spent: boolean;
}

/** This server as its links know it. */
export interface OwnKeys extends Keys {
  readonly id: string;
}

/** What a server keeps of the links that follow it. Codes are stored as hashes, its own key sealed. */
export class Book {
  readonly #store: Store;
  readonly #vault: Vault;
  readonly #random: Random;
  #own: OwnKeys | null = null;

  constructor(store: Store, vault: Vault, random: Random) {
    this.#store = store;
    this.#vault = vault;
    this.#random = random;
  }

  get exclusive(): boolean {
    return this.#store.exclusive === true;
  }

  async all(): Promise<Granted[]> {
    const answer = await this.#store.read(LINKS, [
      { kind: "notes-between", from: GRANT, to: `${GRANT}\u{10ffff}`, limit: MOST },
    ]);
    return (answer?.results[0] ?? []).map(([, text]) => JSON.parse(text) as Granted);
  }

  async invite(grant: LinkGrant, ends: number, now: number): Promise<string> {
    const code = randomName(this.#random);
    const invite: Invite = { grant, ends, spent: false };
    const known = await this.#store.read(LINKS, [
      { kind: "notes-between", from: INVITE, to: `${INVITE}\u{10ffff}`, limit: MOST },
    ]);
    const over = (known?.results[0] ?? []).filter(([, text]) => (JSON.parse(text) as Invite).ends + DAY < now);
    const gone = over.map(([name]) => [name, null] as const);
    await this.#change([], () => new Map<string, string | null>([...gone, [inviteName(code), JSON.stringify(invite)]]));
    return code;
  }

  /** Spends a code for a link, in one transaction; `refusal` says why not, and then nothing is changed. */
  async register(
    code: string,
    link: Granted,
    refusal: (invite: Invite | null) => string | null,
  ): Promise<string | null> {
    const name = inviteName(code);
    let flaw: string | null = null;
    await this.#change([name], (notes) => {
      const invite = JSON.parse(notes.get(name) ?? "null") as Invite | null;
      flaw = refusal(invite);
      if (flaw !== null || invite === null) return new Map();
      return new Map([
        [name, JSON.stringify({ ...invite, spent: true })],
        [GRANT + link.link, JSON.stringify({ ...link, grant: invite.grant })],
      ]);
    });
    return flaw;
  }

  /** Null: there is no such link. */
  async revoke(link: string, now: number): Promise<Granted | null> {
    const name = GRANT + link;
    let revoked: Granted | null = null;
    await this.#change([name], (notes) => {
      const known = JSON.parse(notes.get(name) ?? "null") as Granted | null;
      if (known === null) return new Map();
      revoked = { ...known, revoked: known.revoked ?? now };
      return new Map([[name, JSON.stringify(revoked)]]);
    });
    return revoked;
  }

  /** @throws VaultError where it cannot be stored, or read. */
  async ownKeys(): Promise<OwnKeys> {
    if (this.#own !== null) return this.#own;
    const fresh = await newKeys();
    const id = randomName(this.#random);
    const sealed = await this.#vault.seal(USE, fresh.secret);
    let text = "";
    await this.#change([SERVER], (notes) => {
      text = notes.get(SERVER) ?? JSON.stringify({ id, publicKey: fresh.publicKey, sealed });
      return new Map(notes.has(SERVER) ? [] : [[SERVER, text]]);
    });
    const kept = JSON.parse(text) as { id: string; publicKey: string; sealed: string };
    this.#own = { id: kept.id, publicKey: kept.publicKey, secret: await this.#vault.open(USE, kept.sealed) };
    return this.#own;
  }

  async #change(
    names: readonly string[],
    change: (notes: ReadonlyMap<string, string>) => ReadonlyMap<string, string | null>,
  ): Promise<void> {
    const wanted = { ...NOTHING_WANTED, notes: names, create: true };
    await this.#store.write(
      LINKS,
      wanted,
      (loaded): Batch => ({ ...NOTHING_WRITTEN, notes: change(loaded.notes ?? new Map()) }),
    );
  }
}

const USE = "the key of this server";
const DAY = 86_400_000;

function inviteName(code: string): string {
  return INVITE + sha256Hex(code);
}
