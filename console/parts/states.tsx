import { type ReactNode, useEffect, useState, useSyncExternalStore } from "react";
import { type AskError, reachStore } from "../ask.ts";
import type { Loaded } from "./load.ts";
import { ago, exact, span } from "./words.ts";

/** A title, what it is, and what can be done there. */
export function View({
  title,
  about,
  tools,
  children,
}: {
  readonly title: string;
  readonly about: string;
  readonly tools?: ReactNode;
  readonly children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Tidemark`;
  }, [title]);
  return (
    <section className="view" aria-labelledby="title">
      <header className="title">
        <div>
          <h1 id="title" tabIndex={-1}>
            {title}
          </h1>
          <p>{about}</p>
        </div>
        {tools && <div className="tools">{tools}</div>}
      </header>
      {children}
    </section>
  );
}

/** Shows what was loaded; says that it is loading, or why it cannot be had, with a way to try again. */
export function Shown<T>({
  of,
  but,
  children,
}: {
  readonly of: Loaded<T>;
  /** An error that whoever shows it tells in words of its own. */
  readonly but?: string;
  readonly children: (data: T) => ReactNode;
}) {
  const { data, error, reload } = of;
  if (error !== null && error.code === but) return null;
  if (data === null) return error === null ? <Loading /> : <Failed error={error} again={reload} />;
  return (
    <>
      {error !== null && error.code !== "offline" && <Failed error={error} again={reload} />}
      {children(data)}
    </>
  );
}

/** Lines where text will stand: they appear only where it takes longer than a moment. */
export function Loading() {
  return (
    <div className="loading" role="status">
      <span className="unseen">Loading …</span>
      <i />
      <i />
      <i />
      <i />
    </div>
  );
}

const HINTS: { readonly [code: string]: string } = {
  forbidden: "This view is for administrators of the space.",
  "unknown-space": "It may have another name, or not exist yet.",
  "rate-limited": "The server asks for some patience.",
};

export function Failed({ error, again }: { readonly error: AskError; again?(): void }) {
  if (error.code === "unauthenticated") return null;
  return (
    <div className="failed" role="alert">
      <p>
        <strong>{error.message}</strong> {HINTS[error.code]}
      </p>
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Said at the top while the server does not answer. */
export function Away() {
  const { lostAt } = useSyncExternalStore(reachStore.subscribe, reachStore.get);
  const now = useNow(1_000);
  return (
    <div className="away" role="status">
      {lostAt !== null && (
        <p>
          The server does not answer, for {span(now - lostAt)} now. What is shown is what was known before; the console
          goes on by itself when the server is back.
        </p>
      )}
    </div>
  );
}

export function useNow(every: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function When({ at }: { readonly at: string | null }) {
  const now = useNow(10_000);
  if (at === null) return <>–</>;
  return (
    <time dateTime={at} title={exact(at)}>
      {ago(at, now)}
    </time>
  );
}

/** A digest, short; the whole of it on demand. */
export function Digest({ of }: { readonly of: string }) {
  return (
    <code className="digest" title={of}>
      {of.slice(0, 12)}
    </code>
  );
}

export type Tone = "good" | "warm" | "bad" | "soft";

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

/** Names and values. */
export function Facts({ of }: { readonly of: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
