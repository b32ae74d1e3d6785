// Who looks: a token that was pasted, or the login of an account. Both stay in this tab's session storage, and nowhere else.
import { createLogin, type Login } from "../src/client/login.ts";
import { Problem } from "../src/wire/problem.ts";

const TOKEN = "tidemark-console-token";
const REFRESH = "tidemark-console-refresh";

export type Session =
  /** Nothing was shown: an open server lets this machine in. */
  { readonly by: "nothing" } | { readonly by: "token" } | { readonly by: "account" };

export interface SessionState {
  readonly session: Session;
  /** The server wants to know who asks; `why` in words, where there is more to say. */
  readonly wanted: { readonly why: string | null } | null;
}

const login: Login = createLogin({
  url: new URL("../", document.baseURI).href,
  keep: {
    get: () => sessionStorage.getItem(REFRESH),
    set: (token) => (token === null ? sessionStorage.removeItem(REFRESH) : sessionStorage.setItem(REFRESH, token)),
  },
});

let state: SessionState = { session: stored(), wanted: null };
const listeners = new Set<() => void>();

function stored(): Session {
  if (sessionStorage.getItem(TOKEN) !== null) return { by: "token" };
  return { by: sessionStorage.getItem(REFRESH) === null ? "nothing" : "account" };
}

function become(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}

export const sessionStore = {
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  get: () => state,
};

/** What to show with the next question; null: nothing. */
export async function bearer(): Promise<string | null> {
  if (state.session.by === "token") return sessionStorage.getItem(TOKEN);
  if (state.session.by === "nothing") return null;
  return await login.auth().catch((error: unknown) => {
    if (error instanceof Problem && error.code === "unauthenticated") loginEnded();
    return null;
  });
}

/** The server did not take what was shown. */
export function loginEnded(): void {
  const why = state.session.by === "nothing" ? null : "The server does not take this login any more: log in again.";
  sessionStorage.removeItem(TOKEN);
  if (state.session.by === "account") sessionStorage.removeItem(REFRESH);
  become({ session: { by: "nothing" }, wanted: { why: state.wanted?.why ?? why } });
}

export function useToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
  become({ session: { by: "token" }, wanted: null });
}

/** Throws an Error in words for people. */
export async function logIn(userName: string, password: string): Promise<void> {
  try {
    await login.login(userName, password);
  } catch (error) {
    if (error instanceof Problem && error.code === "not-found")
      throw new Error("This server keeps no accounts: paste a token instead.");
    throw error instanceof Problem ? error : new Error("The server does not answer.");
  }
  become({ session: { by: "account" }, wanted: null });
}

export function logOut(): void {
  const { by } = state.session;
  sessionStorage.removeItem(TOKEN);
  // The session of a server that does not answer ends by itself; this tab has forgotten it in any case.
  if (by === "account") login.logout().catch(() => undefined);
  become({ session: { by: "nothing" }, wanted: { why: null } });
}
