import { PullFirst } from "./errors.ts";
import type { Watch } from "./watch.ts";

/** A bearer token, or a function that gives the present one; it is asked before each request. */
export type Auth = string | (() => string | Promise<string>);

/** The token of a client, and whether the server has said whose it is (C9). */
export class Bearer {
  readonly #auth: Auth | undefined;
  /** The token of the last question, and the last one of which an answer named the principal. */
  #asked: string | undefined | null = null;
  #confirmed: string | undefined | null = null;

  constructor(auth: Auth | undefined) {
    this.#auth = auth;
  }

  /** The present token; undefined where the server runs open. The application is not waited for without end. */
  async present(watch: Watch): Promise<string | undefined> {
    const auth = this.#auth;
    return typeof auth === "function" ? await watch.within(Promise.resolve(auth())) : auth;
  }

  async forQuestion(watch: Watch): Promise<string | undefined> {
    const token = await this.present(watch);
    this.#asked = token;
    return token;
  }

  /** Throws PullFirst where it is not the one of the last answer: it may be somebody else's. */
  async forPush(watch: Watch): Promise<string | undefined> {
    const token = await this.present(watch);
    if (token !== this.#confirmed) throw new PullFirst("the token has changed", false);
    return token;
  }

  /** The answer to the last question named the principal that the store belongs to. */
  confirm(): void {
    this.#confirmed = this.#asked;
  }
}

/** When a token ends, in milliseconds since 1970, where it is a JWT that says so; else it never does. */
export function endOf(token: string | undefined): number {
  try {
    const payload = (token ?? "").split(".")[1] ?? "";
    const { exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { exp?: unknown };
    return typeof exp === "number" ? exp * 1_000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
