import { useState } from "react";
import { type Item, quarantine, settled, streams } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { type AskError, ask, inSpace } from "../../ask.ts";
import { type Column, Grid } from "../../parts/grid.tsx";
import { asError, useLoad } from "../../parts/load.ts";
import { Badge, Failed, Shown, type Tone, View, When } from "../../parts/states.tsx";
import { count, counted, iso } from "../../parts/words.ts";
import { goTo, hrefOf } from "../../route.ts";
import { WhereConfigured } from "../sources/sources.tsx";
import { ItemSheet } from "./item.tsx";

/** Items that one page of the server has, and that are shown. */
const PAGE = 1_000;
const MOST = 10_000;

export const ITEM_TONES: { readonly [S in Item["status"]]: Tone } = {
  open: "bad",
  waiting: "warm",
  fixed: "good",
  replayed: "good",
  superseded: "soft",
  discarded: "soft",
};

const COLUMNS: readonly Column<Item>[] = [
  { head: "No.", width: "4.5rem", end: true, cell: ({ number }) => count(number) },
  { head: "State", width: "6.5rem", cell: ({ status }) => <Badge tone={ITEM_TONES[status]}>{status}</Badge> },
  { head: "What is wrong", main: true, width: "minmax(9rem, 3fr)", cell: ({ message }) => message },
  { head: "Code", width: "8rem", wide: true, cell: ({ code }) => code },
  { head: "Where", width: "minmax(8rem, 1.5fr)", cell: ({ position }) => position },
  { head: "Seen", width: "6.5rem", wide: true, cell: ({ lastSeen }) => <When at={iso(lastSeen)} /> },
];

/** What could not be taken, and why; it is set right, replayed or set aside here. */
export function Quarantine({ space, route }: ViewProps) {
  const all = useLoad(`streams ${space}`, (signal) => ask(inSpace(space, "/ingest/streams"), streams, { signal }));
  return (
    <View title="Quarantine" about="Records that could not be taken: never dropped, and never turned into nothing.">
      <WhereConfigured of={all.error}>
        <Shown of={all}>
          {({ streams: list }) => {
            const asked = route.query.get("stream");
            const stream =
              asked ?? list.find(({ quarantine: held }) => Object.keys(held).length > 0)?.stream ?? list[0]?.stream;
            if (stream === undefined) return <div className="empty">Nothing comes into this space from outside.</div>;
            const state = route.query.get("status") ?? "unsettled";
            const place = (next: object) => hrefOf(space, "quarantine", [], { stream, status: state, ...next });
            return (
              <>
                <div className="tools">
                  <label className="pick">
                    <span className="unseen">Stream</span>
                    <select value={stream} onChange={(event) => goTo(place({ stream: event.target.value }))}>
                      {list.map((each) => (
                        <option key={each.stream}>{each.stream}</option>
                      ))}
                    </select>
                  </label>
                  <label className="pick">
                    <span className="unseen">State</span>
                    <select value={state} onChange={(event) => goTo(place({ status: event.target.value }))}>
                      {["unsettled", "all", ...Object.keys(ITEM_TONES)].map((each) => (
                        <option key={each}>{each}</option>
                      ))}
                    </select>
                  </label>
                </div>
                <Items key={`${stream} ${state}`} space={space} stream={stream} status={state} />
              </>
            );
          }}
        </Shown>
      </WhereConfigured>
    </View>
  );
}

function Items({
  space,
  stream,
  status,
}: {
  readonly space: string;
  readonly stream: string;
  readonly status: string;
}) {
  const path = inSpace(space, `/ingest/streams/${encodeURIComponent(stream)}/quarantine`);
  const loaded = useLoad(`items ${path} ${status}`, async (signal) => {
    const items: Item[] = [];
    let after: number | null = 0;
    while (after !== null && items.length < MOST) {
      const query: string = new URLSearchParams({ status, after: String(after), limit: String(PAGE) }).toString();
      const page: { items: Item[]; next: number | null } = await ask(`${path}?${query}`, quarantine, { signal });
      items.push(...page.items);
      after = page.next;
    }
    return { items, more: after !== null };
  });
  const [open, setOpen] = useState<Item | null>(null);
  const [told, setTold] = useState<string | AskError | null>(null);
  const replayAll = async () => {
    setTold("Replaying …");
    try {
      const { run } = await ask(path, settled, { body: { do: "replay" } });
      setTold(
        run ? `${counted(run.read, "item")} replayed: ${count(run.rejected)} stay.` : "There was nothing to replay.",
      );
    } catch (error) {
      setTold(asError(error));
    }
    loaded.reload();
  };
  return (
    <Shown of={loaded}>
      {({ items, more }) => (
        <>
          {items.length > 0 && (
            <div className="actions">
              <button type="button" onClick={() => void replayAll()}>
                Replay all that is open, by the rules of today
              </button>
              <div role="status">{told !== null && (typeof told === "string" ? told : <Failed error={told} />)}</div>
            </div>
          )}
          <Grid
            label="Quarantine"
            columns={COLUMNS}
            rows={items}
            keyOf={({ number }) => number}
            onOpen={(item) => setOpen(item)}
            empty={status === "unsettled" ? "Nothing is in quarantine." : "There is no such item."}
            foot={`${counted(items.length, "item")}${more ? ", and more" : ""}`}
          />
          {open !== null && (
            <ItemSheet key={open.number} path={path} of={open} onClose={() => setOpen(null)} changed={loaded.reload} />
          )}
        </>
      )}
    </Shown>
  );
}
