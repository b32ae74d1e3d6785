// Records page by page; a search goes on until it has found a page, or is stopped.
import { useCallback, useEffect, useReducer, useRef, useSyncExternalStore } from "react";
import { type RecordData, records } from "../../api.ts";
import { type AskError, ask, inSpace, reachStore } from "../../ask.ts";
import { asError } from "../../parts/load.ts";

const PAGE = 200;

export interface Found {
  readonly collection: string;
  readonly record: RecordData;
}

interface Pages {
  readonly list: readonly Found[];
  readonly looked: number;
  /** Where to go on; null: there is no more; undefined: nothing was asked yet. */
  readonly next: string | null | undefined;
  readonly busy: boolean;
  readonly error: AskError | null;
}

const NOTHING: Pages = { list: [], looked: 0, next: undefined, busy: false, error: null };

export interface Wanted {
  readonly collection: string;
  readonly scope: string;
  readonly match: string;
  readonly from: string;
}

export interface PagesControl extends Pages {
  more(): void;
  stop(): void;
}

export function usePages(space: string, { collection, scope, match, from }: Wanted): PagesControl {
  const { epoch } = useSyncExternalStore(reachStore.subscribe, reachStore.get);
  const state = useRef<Pages>(NOTHING);
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const left = useRef(new AbortController());
  const stopped = useRef(false);

  const become = useCallback((next: Partial<Pages>) => {
    state.current = { ...state.current, ...next };
    redraw();
  }, []);

  const more = useCallback(async () => {
    const { signal } = left.current;
    if (state.current.busy || state.current.next === null) return;
    stopped.current = false;
    become({ busy: true, error: null });
    const wanted = state.current.list.length + PAGE;
    try {
      do {
        const { next } = state.current;
        const begin = next === undefined ? { from } : { after: next ?? "" };
        const path = inSpace(space, "/records", { collection, scope, match, limit: PAGE, ...begin });
        const page = await ask(path, records, { signal });
        const found = page.runs.flatMap((run) => run.records.map((record) => ({ collection: run.collection, record })));
        const { list, looked } = state.current;
        become({ list: [...list, ...found], looked: looked + page.looked, next: page.next });
      } while (match !== "" && !stopped.current && state.current.next !== null && state.current.list.length < wanted);
      become({ busy: false });
    } catch (error) {
      if (!signal.aborted) become({ busy: false, error: asError(error) });
    }
  }, [space, collection, scope, match, from, become]);

  useEffect(() => {
    const own = new AbortController();
    left.current = own;
    state.current = NOTHING;
    void more();
    return () => own.abort();
  }, [more, epoch]);

  const stop = useCallback(() => {
    stopped.current = true;
  }, []);
  const go = useCallback(() => void more(), [more]);
  return { ...state.current, more: go, stop };
}
