import { keyNameOf, LASTS, newKeys, signedBy, statementOf, timeFlaw } from "../../server/grants/index.ts";
import type { LinkHost } from "../../server/links.ts";
import type { LinkPlan } from "../../server/links-config.ts";
import { VaultError } from "../../server/vault.ts";
import { sha256Hex } from "../../util/sha256.ts";
import type { Registered } from "../../wire/grants.ts";
import { identityOf } from "../identity.ts";
import { keyNoteName } from "../names.ts";
import { Refused } from "../refused.ts";
import { register } from "./register.ts";

/** As it is kept in the notes of the space that follows. */
interface Kept extends Pick<Registered, "link" | "server"> {
  /** The hash of the code that it was registered by: another code in the configuration registers anew. */
  readonly code: string | null;
  readonly sealed: string;
}

interface Parts {
  readonly host: LinkHost;
  readonly plan: LinkPlan;
  readonly fetch: typeof globalThis.fetch;
}

/** A link that was registered upstream: it signs what it asks by its own key, and knows upstream by its. */
export class LinkKey {
  readonly #host: LinkHost;
  readonly #kept: Kept;
  readonly #secret: string;
  #token: { readonly text: string; readonly until: number } | null = null;

  constructor(host: LinkHost, kept: Kept, secret: string) {
    this.#host = host;
    this.#kept = kept;
    this.#secret = secret;
  }

  /** What a request shows. It stays the same for a while, so that a connection need not begin anew with each. */
  readonly token = async (): Promise<string> => {
    const now = this.#host.clock.now();
    if (this.#token !== null && now < this.#token.until && now > this.#token.until - LASTS) return this.#token.text;
    const { link, server } = this.#kept;
    const iat = Math.floor(now / 1_000);
    const claims = { iss: link, aud: server.id, iat, exp: iat + LASTS / 1_000 };
    const text = await signedBy(this.#secret, keyNameOf(link), claims);
    this.#token = { text, until: now + LASTS / 2 };
    return text;
  };

  /**
   * The path that upstream has signed for this link.
   *
   * @throws Refused where it is not signed by the server that the link was registered with, for this link, and now.
   */
  async path(signature: unknown, space: string, identity: string): Promise<readonly unknown[]> {
    const { link, server } = this.#kept;
    const said = typeof signature === "string" ? await statementOf(signature, server.key) : null;
    if (said === null || said.iss !== server.id || said.aud !== link || said.sub !== identity || said.space !== space)
      throw new Refused(
        "what answers is not the server that this link was registered with: its path is not signed by it",
      );
    const flaw = timeFlaw(said, this.#host.clock.now(), LASTS);
    if (flaw !== null) throw new Refused(flaw);
    return Array.isArray(said.path) ? said.path : [];
  }
}

/** The keys of the links of one server: a link that brings accounts besides has one for all of it. */
export class Keyring {
  readonly #opening = new Map<string, Promise<LinkKey | null>>();

  /**
   * The key of a link, which is registered by its code where it is not yet; null: it has neither, and goes by its token.
   *
   * @throws Refused where somebody has to change something first.
   */
  of(parts: Parts): Promise<LinkKey | null> {
    const { plan } = parts;
    const name = `${plan.home}/${plan.name}`;
    const opening = this.#opening.get(name) ?? opened(parts).finally(() => this.#opening.delete(name));
    this.#opening.set(name, opening);
    return opening;
  }
}

async function opened(parts: Parts): Promise<LinkKey | null> {
  const { host, plan } = parts;
  if (plan.token !== undefined) return null;
  try {
    const text = await host.store.note(plan.home, keyNoteName(plan.name)).catch(() => null);
    const code = typeof plan.code === "function" ? plan.code() : plan.code;
    let kept = text === null ? null : (JSON.parse(text) as Kept);
    if (code !== undefined && code !== "" && kept?.code !== sha256Hex(code)) kept = await renewed(parts, code);
    return kept === null ? null : new LinkKey(host, kept, await host.vault.open(useOf(plan), kept.sealed));
  } catch (error) {
    if (error instanceof VaultError) throw new Refused(error.message);
    throw error;
  }
}

async function renewed(parts: Parts, code: string): Promise<Kept> {
  const { host, plan } = parts;
  const identity = await identityOf(host.store, plan.home, host.random);
  if (identity === null) throw new Error(`there is no space ${plan.home}`);
  const { kept } = await registered(parts, code, identity);
  await host.store.setNote(plan.home, keyNoteName(plan.name), JSON.stringify(kept));
  return kept;
}

/** What is to be kept of a registration by its code, and the key, for whoever keeps both with the link. */
export async function registration(parts: Parts, code: string, identity: string) {
  const { host, plan } = parts;
  try {
    const { kept, secret } = await registered(parts, code, identity);
    const notes = new Map([[keyNoteName(plan.name), JSON.stringify(kept)]]);
    return { notes, key: new LinkKey(host, kept, secret) };
  } catch (error) {
    if (error instanceof VaultError) throw new Refused(error.message);
    throw error;
  }
}

async function registered({ host, plan, fetch }: Parts, code: string, identity: string) {
  const { vault, clock } = host;
  const keys = await newKeys();
  // Before the code is spent: where nothing can be sealed, nothing is registered.
  const sealed = await vault.seal(useOf(plan), keys.secret);
  const { link, server } = await register({ plan, fetch, clock, code, identity, keys });
  host.log.info({ space: plan.home, link: plan.name, id: link }, "a link was registered upstream");
  const kept: Kept = { link, server, code: sha256Hex(code), sealed };
  return { kept, secret: keys.secret };
}

/** What the secret is sealed for: another link cannot open it. */
function useOf({ home, name }: LinkPlan): string {
  return `the key of the link ${name} into ${home}`;
}
