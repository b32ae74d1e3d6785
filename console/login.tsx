import { type FormEvent, useState } from "react";
import { logIn, useToken } from "./session.ts";

/** Asks who looks: an account of the server, or a token. */
export function LoginPage({ why }: { readonly why: string | null }) {
  const [by, setBy] = useState<"account" | "token">("account");
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function enter(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    setFault(null);
    if (by === "token") return useToken(text("token").replace(/^Bearer\s+/i, ""));
    setBusy(true);
    await logIn(text("name"), String(form.get("password") ?? ""))
      .catch((error: unknown) => setFault(error instanceof Error ? error.message : String(error)))
      .finally(() => setBusy(false));
  }

  return (
    <main className="login">
      <form onSubmit={(event) => void enter(event)}>
        <h1>Tidemark console</h1>
        {why !== null && <p role="status">{why}</p>}
        <fieldset className="choice">
          <legend className="unseen">Log in with</legend>
          <label>
            <input type="radio" name="by" checked={by === "account"} onChange={() => setBy("account")} />
            Name and password
          </label>
          <label>
            <input type="radio" name="by" checked={by === "token"} onChange={() => setBy("token")} />
            Token
          </label>
        </fieldset>
        {by === "account" ? (
          <>
            <label className="field">
              User name
              <input name="name" autoComplete="username" autoCapitalize="none" spellCheck={false} required />
            </label>
            <label className="field">
              Password
              <input name="password" type="password" autoComplete="current-password" required />
            </label>
          </>
        ) : (
          <label className="field">
            Token
            <textarea name="token" rows={4} spellCheck={false} autoComplete="off" required />
          </label>
        )}
        {fault !== null && (
          <p className="fault" role="alert">
            {fault}
          </p>
        )}
        <button type="submit" className="main" disabled={busy}>
          {busy ? "Logging in …" : "Log in"}
        </button>
        <p className="soft">For administrators. What you enter stays in this tab until it is closed.</p>
      </form>
    </main>
  );
}
