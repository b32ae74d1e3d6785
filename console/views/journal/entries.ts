// The journal as a list that grows at both ends: newer entries as they are committed, older ones as they are asked for.
import { useCallback, useEffect, useReducer, useRef, useSyncExternalStore } from "react";
import { type Entry, head, journal } from "../../api.ts";
import { type AskError, ask, inSpace, reachStore } from "../../ask.ts";
import { asError } from "../../parts/load.ts";

/** Entries of a page; those that are looked at for a search at once; changes of each that are told. */
const PAGE = 100;
const SEARCHED = 500;
const CHANGES = 3;
const FOLLOW_MS = 2_000;

export interface Entries {
  /** The newest first. */
  readonly list: readonly Entry[];
  readonly head: number | null;
  /** All entries after this one were looked at. */
  readonly from: number | null;
  readonly busy: boolean;
  readonly error: AskError | null;
}

const NOTHING: Entries = { list: [], head: null, from: null, busy: true, error: null };

export interface EntriesControl extends Entries {
  /** Looks further back; a search goes on until it has found a page, or is stopped. */
  older(): void;
  stop(): void;
}

export function useEntries(space: string, match: string, before: number | null, follow: boolean): EntriesControl {
  const { epoch } = useSyncExternalStore(reachStore.subscribe, reachStore.get);
  const state = useRef<Entries>(NOTHING);
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const left = useRef(new AbortController());
  const stopped = useRef(false);

  const become = useCallback((next: Partial<Entries>) => {
    state.current = { ...state.current, ...next };
    redraw();
  }, []);

  const older = useCallback(async () => {
    const { signal } = left.current;
    const { from, busy } = state.current;
    if (from === null || from === 0 || busy) return;
    stopped.current = false;
    become({ busy: true, error: null });
    const wanted = state.current.list.length + PAGE;
    try {
      do {
        const to = state.current.from ?? 0;
        const since = Math.max(0, to - (match === "" ? PAGE : SEARCHED));
        const query = { since, limit: to - since, changes: CHANGES, match };
        const { entries } = await ask(inSpace(space, "/journal", query), journal, { signal });
        become({ list: [...state.current.list, ...entries.reverse()], from: since });
      } while (match !== "" && !stopped.current && (state.current.from ?? 0) > 0 && state.current.list.length < wanted);
      become({ busy: false });
    } catch (error) {
      if (!signal.aborted) become({ busy: false, error: asError(error) });
    }
  }, [space, match, become]);

  useEffect(() => {
    const own = new AbortController();
    left.current = own;
    const { signal } = own;
    state.current = NOTHING;
    redraw();
    const begin = async () => {
      try {
        const { revision } = await ask(inSpace(space, ""), head, { signal });
        become({ head: revision, from: Math.min(revision, before ?? revision), busy: false });
        await older();
      } catch (error) {
        if (!signal.aborted) become({ busy: false, error: asError(error) });
      }
    };
    void begin();
    return () => own.abort();
  }, [space, match, before, epoch, older, become]);

  useEffect(() => {
    if (!follow || before !== null) return;
    const newer = async () => {
      const { signal } = left.current;
      const known = state.current.head;
      if (known === null || document.visibilityState !== "visible") return;
      const { revision } = await ask(inSpace(space, ""), head, { signal });
      if (revision <= known) return;
      const query = { since: known, limit: SEARCHED, changes: CHANGES, match };
      const { entries } = await ask(inSpace(space, "/journal", query), journal, { signal });
      if (state.current.head !== known) return;
      become({ list: [...entries.reverse(), ...state.current.list], head: Math.min(revision, known + SEARCHED) });
    };
    // What cannot be had now is said at the top of the page, and asked for again.
    const timer = setInterval(() => void newer().catch(() => undefined), FOLLOW_MS);
    return () => clearInterval(timer);
  }, [space, match, before, follow, become]);

  const stop = useCallback(() => {
    stopped.current = true;
  }, []);
  return { ...state.current, older: () => void older(), stop };
}
