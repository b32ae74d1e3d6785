import { compactVerify, decodeJwt, exportJWK, generateKeyPair, importJWK, type JWTPayload, SignJWT } from "jose";

/** Both halves of an Ed25519 key. */
export interface Keys {
  /** base64url */
  readonly publicKey: string;
  /** A JSON Web Key as text: never stored unsealed. */
  readonly secret: string;
}

const ALG = "EdDSA";
const KIND = { kty: "OKP", crv: "Ed25519" } as const;

export async function newKeys(): Promise<Keys> {
  const { privateKey } = await generateKeyPair(ALG, { crv: "Ed25519", extractable: true });
  const { x = "", d = "" } = await exportJWK(privateKey);
  return { publicKey: x, secret: JSON.stringify({ ...KIND, x, d }) };
}

/** - `kid`: whose statement it is. */
export async function signedBy(secret: string, kid: string, claims: JWTPayload): Promise<string> {
  const key = await importJWK(JSON.parse(secret), ALG);
  return await new SignJWT(claims).setProtectedHeader({ alg: ALG, kid }).sign(key);
}

/** What a statement says, where the key has signed it; null: it has not. Of its times nothing is checked. */
export async function statementOf(token: string, publicKey: string): Promise<JWTPayload | null> {
  try {
    await compactVerify(token, await importJWK({ ...KIND, x: publicKey }, ALG), { algorithms: [ALG] });
    return decodeJwt(token);
  } catch {
    return null;
  }
}

/** Milliseconds by which two clocks may differ. */
const SKEW = 300_000;
const DAY = 86_400_000;

/** What is wrong with the time of a statement that was made for at most `lasts` milliseconds; null: nothing. */
export function timeFlaw({ iat, exp }: JWTPayload, now: number, lasts: number): string | null {
  if (typeof iat !== "number" || typeof exp !== "number" || exp < iat || (exp - iat) * 1_000 > lasts)
    return "it does not say when it was made, or holds too long";
  const apart = Math.abs(now - iat * 1_000);
  if (apart <= SKEW + lasts && now <= exp * 1_000 + SKEW) return null;
  const far = apart < DAY ? `${Math.round(apart / 60_000)} minutes` : `${Math.round(apart / DAY)} days`;
  return `the clocks of the two servers are ${far} apart: set them`;
}
