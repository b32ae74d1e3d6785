import { fromBase64Url, toBase64Url } from "../util/base64.ts";
import type { Random } from "../util/random.ts";

/** Bytes of an AES-GCM nonce. */
const NONCE = 12;

type SealingKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** A secret cannot be stored, or not be read: the text says what to set. */
export class VaultError extends Error {
  override name = "VaultError";
}

/** Secrets at rest: AES-256-GCM by `TIDEMARK_SECRET_KEY`, each bound to what it is for. Without that key none is stored. */
export class Vault {
  readonly #secret: string | undefined;
  readonly #random: Random;
  #key: Promise<SealingKey> | null = null;

  /** - `secret`: 32 bytes as base64url or base64. */
  constructor(secret: string | undefined, random: Random) {
    this.#secret = secret;
    this.#random = random;
  }

  /** @throws VaultError where there is no key. */
  async seal(use: string, text: string): Promise<string> {
    const iv = copied(this.#random.bytes(NONCE));
    const sealed = await crypto.subtle.encrypt(sealing(iv, use), await this.#opened(), encoded(text));
    return `${toBase64Url(iv)}.${toBase64Url(new Uint8Array(sealed))}`;
  }

  /** @throws VaultError where there is no key, or another than that which it was sealed by. */
  async open(use: string, sealed: string): Promise<string> {
    const key = await this.#opened();
    const [iv, bytes] = sealed.split(".").map((part) => fromBase64Url(part));
    try {
      if (iv == null || bytes == null) throw new Error("not sealed");
      return new TextDecoder().decode(await crypto.subtle.decrypt(sealing(copied(iv), use), key, copied(bytes)));
    } catch {
      throw new VaultError(`${use} cannot be decrypted: TIDEMARK_SECRET_KEY is not the one that it was stored with`);
    }
  }

  #opened(): Promise<SealingKey> {
    this.#key ??= imported(this.#secret);
    return this.#key;
  }
}

async function imported(secret: string | undefined): Promise<SealingKey> {
  if (secret === undefined)
    throw new VaultError(
      "keys of links are stored encrypted: set TIDEMARK_SECRET_KEY to 32 random bytes as base64 (openssl rand -base64 32)",
    );
  const bytes = fromBase64Url(secret.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""));
  if (bytes?.length !== 32)
    throw new VaultError("TIDEMARK_SECRET_KEY is not 32 bytes as base64: make one with openssl rand -base64 32");
  return await crypto.subtle.importKey("raw", copied(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
}

function sealing(iv: Uint8Array<ArrayBuffer>, use: string) {
  return { name: "AES-GCM", iv, additionalData: encoded(use) };
}

function encoded(text: string): Uint8Array<ArrayBuffer> {
  return copied(new TextEncoder().encode(text));
}

function copied(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
