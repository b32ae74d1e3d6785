import type { Outcome, Write } from "../model/mutation.ts";
import type { Log } from "../server/log.ts";
import type { Clock } from "../util/clock.ts";
import { type Random, randomName } from "../util/random.ts";
import { Problem } from "../wire/problem.ts";
import type { UserRecord, VerifierRecord } from "./collections.ts";
import type { Credentials, NewVerifier } from "./credentials.ts";
import { type Directory, isIn } from "./directory.ts";
import type { Guesses } from "./guesses.ts";
import { ADMINISTRATOR, foldedName } from "./names.ts";
import { type Passwords, passwordFlaw } from "./passwords.ts";
import { isStale } from "./phc.ts";
import type { Basis, Issued, Sessions } from "./sessions.ts";
import type { SetupCodes } from "./setup.ts";
import type { Tail } from "./tail.ts";
import type { Writer } from "./writer.ts";

export interface AccountsParts {
  readonly directory: Directory;
  readonly credentials: Credentials;
  readonly sessions: Sessions;
  readonly codes: SetupCodes;
  readonly passwords: Passwords;
  /** Who checks the password of a user that a directory keeps; null: this server does. */
  elsewhere(user: UserRecord): ((password: string) => Promise<boolean>) | null;
  readonly guesses: Guesses;
  /** Of the space `system`. */
  readonly tail: Tail;
  readonly founder: Writer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Resolves when everything of which this process has heard is in memory. */
  current(): Promise<void>;
}

/** What somebody shows to come in. */
export interface Shown {
  readonly userName: string;
  readonly password: string;
}

export interface LoggedIn extends Issued {
  readonly user: { readonly id: string; readonly userName: string; readonly displayName?: string };
}

/** The same for every cause, so that it tells nothing of who has an account (U3). */
const WRONG = "the name or the password is wrong, or the account is not in use";

interface Verified {
  readonly user: UserRecord;
  readonly basis: Basis;
  /** Null: a directory has checked the password. */
  readonly verifier: VerifierRecord | null;
}

/** Coming in, and what it takes. */
export class Accounts {
  readonly #parts: AccountsParts;

  constructor(parts: AccountsParts) {
    this.#parts = parts;
  }

  async login(shown: Shown, address: string | null): Promise<LoggedIn> {
    const { sessions } = this.#parts;
    const { user, basis, verifier } = await this.#verified(shown, address);
    if (verifier?.mustChange)
      throw new Problem("forbidden", "this password must be changed first: POST /v1/auth/password sets a new one");
    if (verifier !== null && isStale(verifier.phc)) await this.#strengthen(verifier, shown.password);
    return { user: profileOf(user), ...(await sessions.begin(user.id, basis)) };
  }

  /** Sets a new password for whoever shows the old one, ends the sessions that there were, and begins one. */
  async change(shown: Shown, newPassword: string, address: string | null): Promise<LoggedIn> {
    const { credentials, sessions, passwords, clock } = this.#parts;
    checkPassword(newPassword, "newPassword");
    const { user, verifier } = await this.#verified(shown, address);
    if (verifier === null)
      throw new Problem("forbidden", `this password is kept by ${user.managedBy}: it is changed there`);
    const phc = await passwords.hash(newPassword);
    await credentials.set([{ user: user.id, phc, mustChange: false }], clock.now());
    return { user: profileOf(user), ...(await sessions.begin(user.id, sessions.basisOf(user.id))) };
  }

  /** Makes the first administrator, for whoever shows a setup code. */
  async setup(shown: Shown & { code: string; displayName?: string | undefined }, address: string | null) {
    const { directory, credentials, sessions, codes, passwords, guesses, founder, tail, clock, random } = this.#parts;
    checkPassword(shown.password, "password");
    await this.#parts.current();
    const attempt = guesses.begin("setup", address);
    if (!codes.isGood(shown.code, clock.now()))
      throw new Problem(
        "unauthenticated",
        "the setup code is not valid: `tidemark serve` prints a new one at its start",
      );
    const phc = await passwords.hash(shown.password);
    await codes.spend(shown.code);
    attempt.right();
    const { userName, displayName } = shown;
    const user = {
      id: randomName(random),
      userName,
      active: true,
      ...(displayName === undefined ? {} : { displayName }),
    };
    await credentials.set([{ user: user.id, phc, mustChange: false }], clock.now());
    await tail.catchUp();
    const outcome = await founder.write(tail.revision, [
      { op: "insert", collection: "users", record: user },
      ...administratorWrites(user.id, directory.get("roles", ADMINISTRATOR) !== null),
    ]);
    refuseUnlessApplied(outcome);
    await tail.catchUp();
    return { user: profileOf(user), ...(await sessions.begin(user.id, sessions.basisOf(user.id))) };
  }

  /** Sets passwords for others; that they may be set has been asked. */
  async setAll(wanted: readonly (NewPassword | NewVerifier)[]): Promise<void> {
    const { credentials, passwords, clock } = this.#parts;
    const verifiers: NewVerifier[] = [];
    for (const each of wanted) {
      if ("phc" in each) verifiers.push(each);
      else verifiers.push({ ...each, phc: await passwords.hash(each.password) });
    }
    await credentials.set(
      verifiers.map(({ user, phc, mustChange }) => ({ user, phc, mustChange })),
      clock.now(),
    );
  }

  /** The same work whether there is such a user or not. */
  async #verified({ userName, password }: Shown, address: string | null): Promise<Verified> {
    const { directory, credentials, sessions, passwords, guesses, clock } = this.#parts;
    await this.#parts.current();
    const attempt = guesses.begin(foldedName(userName).slice(0, 256), address);
    const user = directory.named(userName);
    const basis = sessions.basisOf(user?.id ?? "");
    const isRight = user === null ? null : this.#parts.elsewhere(user);
    const verifier = isRight === null ? await credentials.of(user?.id ?? "nobody") : null;
    const [own, others] = await Promise.all([
      passwords.verify(verifier?.phc ?? null, password),
      isRight === null || !isIn(user ?? undefined, clock.now()) ? false : isRight(password),
    ]);
    const right = isRight === null ? own && verifier !== null : others;
    if (!right || user === null || !isIn(user, clock.now())) throw new Problem("unauthenticated", WRONG);
    attempt.right();
    return { user, basis, verifier };
  }

  /** What fails here fails again at the next login, and is no reason to refuse this one. */
  async #strengthen(verifier: VerifierRecord, password: string): Promise<void> {
    const { credentials, passwords, log } = this.#parts;
    try {
      await credentials.strengthen(verifier, await passwords.hash(password));
    } catch {
      log.error({ work: "passwords" }, "an old password hash could not be replaced by a stronger one");
    }
  }
}

export interface NewPassword {
  readonly user: string;
  readonly password: string;
  readonly mustChange: boolean;
}

/** The writes that make a user an administrator. */
export function administratorWrites(user: string, roleExists: boolean): Write[] {
  const grants = [{ space: "*", read: ["*"], write: ["*"], admin: true }];
  const role = { id: ADMINISTRATOR, name: "Administrator", grants };
  return [
    { op: roleExists ? "update" : "insert", collection: "roles", record: role },
    { op: "insert", collection: "bindings", record: { id: `${ADMINISTRATOR} ${user}`, role: ADMINISTRATOR, user } },
  ];
}

export function checkPassword(password: string, path: string): void {
  const flaw = passwordFlaw(password);
  if (flaw !== null) throw new Problem("invalid", flaw, { path });
}

function refuseUnlessApplied(outcome: Outcome): void {
  if (outcome.status === "rejected")
    throw new Problem("invalid", outcome.message, { path: outcome.path.replace(/^writes\[\d+\](\.record)?\.?/, "") });
  if (outcome.status !== "applied")
    throw new Problem("unavailable", "somebody else set the server up at the same moment", { retryAfter: 1 });
}

function profileOf({ id, userName, displayName }: UserRecord): LoggedIn["user"] {
  return { id, userName, ...(displayName === undefined ? {} : { displayName }) };
}
