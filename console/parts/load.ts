import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { AskError, reachStore } from "../ask.ts";

export interface Loaded<T> {
  /** What came last, also while it is asked for again, and while it cannot be had. */
  readonly data: T | null;
  readonly error: AskError | null;
  readonly loading: boolean;
  reload(): void;
}

/**
 * Asks when it is first shown, when `key` changes, when the server is back, and every so many milliseconds while somebody
 * can see it. An answer that is no longer wanted is thrown away.
 */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>, every?: number): Loaded<T> {
  const { epoch } = useSyncExternalStore(reachStore.subscribe, reachStore.get);
  const [state, setState] = useState<{ key: string; data: T | null; error: AskError | null; loading: boolean }>(() => ({
    key,
    data: null,
    error: null,
    loading: true,
  }));
  const [asked, setAsked] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const left = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const once = async () => {
      setState((before) => ({ ...before, key, data: before.key === key ? before.data : null, loading: true }));
      try {
        const data = await latest.current(left.signal);
        if (!left.signal.aborted) setState({ key, data, error: null, loading: false });
      } catch (error) {
        if (left.signal.aborted) return;
        setState((before) => ({ ...before, error: asError(error), loading: false }));
      }
      if (!left.signal.aborted && every !== undefined) timer = setTimeout(again, every);
    };
    const again = () => {
      if (document.visibilityState === "visible") void once();
      else document.addEventListener("visibilitychange", again, { once: true });
    };
    void once();
    return () => {
      left.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", again);
    };
  }, [key, every, asked, epoch]);
  const reload = useCallback(() => setAsked((count) => count + 1), []);
  return { data: state.key === key ? state.data : null, error: state.error, loading: state.loading, reload };
}

export function asError(error: unknown): AskError {
  if (error instanceof AskError) return error;
  return new AskError("fault", error instanceof Error ? error.message : String(error));
}
