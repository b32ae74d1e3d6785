/** What a verifier costs to check: KiB of memory, passes, and threads. */
export interface Cost {
  readonly memory: number;
  readonly passes: number;
  readonly threads: number;
}

/** OWASP's first recommendation for argon2id. */
export const POLICY: Cost = { memory: 19_456, passes: 2, threads: 1 };

/** A verifier that somebody brings must not cost more than this, since everybody may ask for it to be checked. */
const MOST: Cost = { memory: 262_144, passes: 10, threads: 8 };

const ARGON2ID = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,171}$/;

const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^\$2[abxy]?\$/, "bcrypt"],
  [/^\$argon2(i|d)\$/, "argon2i and argon2d"],
  [/^\$(7\$|scrypt\$)/, "scrypt"],
  [/^(\$pbkdf2|pbkdf2_)/, "PBKDF2"],
  [/^\$6\$/, "SHA-512 crypt"],
  [/^\$5\$/, "SHA-256 crypt"],
  [/^\$1\$/, "MD5 crypt"],
  [/^\{/, "the scheme of LDAP"],
];

/** The cost of an argon2id verifier in PHC form; null where it is none. */
export function costOf(phc: string): Cost | null {
  const found = ARGON2ID.exec(phc);
  return found === null ? null : { memory: Number(found[1]), passes: Number(found[2]), threads: Number(found[3]) };
}

/** Why a text is no verifier that this server takes, naming its scheme; null where it is one. */
export function phcFlaw(phc: string): string | null {
  const cost = costOf(phc);
  if (cost === null) {
    const other = OTHERS.find(([pattern]) => pattern.test(phc))?.[1];
    const what = other === undefined ? "this is no password hash that is known here" : `${other} is not supported`;
    return `${what}: argon2id in PHC form is ($argon2id$v=19$m=…,t=…,p=…$salt$hash); let its user set a new password`;
  }
  const { memory, passes, threads } = cost;
  if (memory > MOST.memory || passes > MOST.passes || threads > MOST.threads)
    return `the hash costs more than m=${MOST.memory},t=${MOST.passes},p=${MOST.threads} to check`;
  if (passes < 1 || threads < 1 || memory < 8 * threads) return "the parameters of the hash are none of argon2";
  return null;
}

/** Whether a verifier is weaker than the policy, so that it is made anew at the next login. */
export function isStale(phc: string): boolean {
  const cost = costOf(phc);
  return cost === null || cost.memory < POLICY.memory || cost.passes < POLICY.passes;
}
