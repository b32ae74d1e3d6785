import { useCallback, useEffect, useReducer, useRef, useState, useSyncExternalStore } from "react";
import { type Scope, scopes } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { type AskError, ask, inSpace, reachStore } from "../../ask.ts";
import { type Column, Grid } from "../../parts/grid.tsx";
import { asError } from "../../parts/load.ts";
import { Search } from "../../parts/search.tsx";
import { Sheet } from "../../parts/sheet.tsx";
import { Badge, Digest, Facts, Failed, Loading, View } from "../../parts/states.tsx";
import { count } from "../../parts/words.ts";
import { goTo, hrefOf } from "../../route.ts";
import { recompute, type Sum } from "./recompute.ts";

const COLUMNS: readonly Column<Scope>[] = [
  { head: "Scope", width: "minmax(9rem, 3fr)", cell: ({ scope }) => <code>{scope}</code> },
  { head: "Records", width: "7rem", end: true, cell: (each) => count(each.count) },
  { head: "Fingerprint", width: "9rem", wide: true, cell: ({ digest }) => <Digest of={digest} /> },
  { head: "Since revision", width: "8rem", end: true, wide: true, cell: ({ since }) => count(since) },
];

const PAGE = 500;

/** Which scopes there are, how much is in each, and whether that is what the fingerprint says. */
export function Scopes({ space, route }: ViewProps) {
  const prefix = route.query.get("prefix") ?? "";
  const [open, setOpen] = useState<Scope | null>(null);
  const { list, total, next, error, more } = useScopes(space, prefix);
  return (
    <View
      title="Scopes"
      about="The parts of the space that replicas hold, each with its fingerprint."
      tools={
        <Search
          key={prefix}
          label="Scopes that begin with"
          value={prefix}
          onSearch={(text) => goTo(hrefOf(space, "scopes", [], { prefix: text }))}
        />
      }
    >
      {error !== null && error.code !== "offline" && <Failed error={error} again={more} />}
      {list === null ? (
        error === null && <Loading />
      ) : (
        <Grid
          label="Scopes"
          columns={COLUMNS}
          rows={list}
          keyOf={({ scope }) => scope}
          onOpen={(each) => setOpen(each)}
          {...(next !== null && { onEnd: more })}
          empty="No scope begins so."
          foot={`${count(list.length)} shown of ${count(total)}`}
        />
      )}
      {open !== null && <ScopeSheet key={open.scope} space={space} of={open} onClose={() => setOpen(null)} />}
    </View>
  );
}

interface Listed {
  readonly list: readonly Scope[] | null;
  readonly total: number;
  readonly next: string | null;
  readonly error: AskError | null;
}

function useScopes(space: string, prefix: string): Listed & { more(): void } {
  const { epoch } = useSyncExternalStore(reachStore.subscribe, reachStore.get);
  const state = useRef<Listed>({ list: null, total: 0, next: null, error: null });
  const busy = useRef(false);
  const left = useRef(new AbortController());
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const more = useCallback(async () => {
    const { signal } = left.current;
    if (busy.current) return;
    busy.current = true;
    try {
      const { list, next } = state.current;
      const path = inSpace(space, "/scopes", { prefix, after: next ?? "", limit: PAGE });
      const page = await ask(path, scopes, { signal });
      state.current = { list: [...(list ?? []), ...page.scopes], total: page.total, next: page.next, error: null };
    } catch (error) {
      if (signal.aborted) return;
      state.current = { ...state.current, error: asError(error) };
    } finally {
      if (!signal.aborted) busy.current = false;
    }
    redraw();
  }, [space, prefix]);
  useEffect(() => {
    const own = new AbortController();
    left.current = own;
    busy.current = false;
    state.current = { list: null, total: 0, next: null, error: null };
    void more();
    return () => own.abort();
  }, [more, epoch]);
  return { ...state.current, more: useCallback(() => void more(), [more]) };
}

function ScopeSheet({ space, of, onClose }: { readonly space: string; readonly of: Scope; onClose(): void }) {
  const [found, setFound] = useState<{ kept: Sum; sum: Sum; revision: number } | "busy" | AskError | null>(null);
  const verify = () => {
    setFound("busy");
    recompute(space, of.scope).then(setFound, (error: unknown) => setFound(asError(error)));
  };
  return (
    <Sheet title={`Scope ${of.scope}`} onClose={onClose}>
      <Facts
        of={[
          ["Records", count(of.count)],
          ["Fingerprint", <code key="digest">{of.digest}</code>],
          ["Since revision", count(of.since)],
        ]}
      />
      <p>
        <a href={hrefOf(space, "records", [], { scope: of.scope })}>Its records</a>
      </p>
      <section className="change">
        <h3>Is it what it says?</h3>
        <p className="soft">
          Adds the fingerprint up from the records, and compares it with the one that the server keeps. Replicas are
          held to the same.
        </p>
        <button type="button" onClick={verify} disabled={found === "busy"}>
          {found === "busy" ? "Verifying …" : "Verify"}
        </button>
        <div role="status">
          {found !== null &&
            found !== "busy" &&
            (found instanceof Error ? <Failed error={found} /> : <Verdict {...found} />)}
        </div>
      </section>
    </Sheet>
  );
}

function Verdict({ kept, sum, revision }: { readonly kept: Sum; readonly sum: Sum; readonly revision: number }) {
  const same = kept.count === sum.count && kept.digest === sum.digest;
  return (
    <>
      <p>
        {same ? <Badge tone="good">They agree</Badge> : <Badge tone="bad">They differ</Badge>} at revision{" "}
        {count(revision)}: {count(sum.count)} records{same ? "." : `, where the server keeps ${count(kept.count)}.`}
      </p>
      <Facts
        of={[
          ["Of the records", <code key="sum">{sum.digest}</code>],
          ["Kept", <code key="kept">{kept.digest}</code>],
        ]}
      />
    </>
  );
}
