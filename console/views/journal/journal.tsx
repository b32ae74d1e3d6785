import { useCallback, useState } from "react";
import { type Entry, journal } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { ask, inSpace } from "../../ask.ts";
import { AtomChanges } from "../../parts/changes.tsx";
import { type Column, Grid } from "../../parts/grid.tsx";
import { useLoad } from "../../parts/load.ts";
import { Search } from "../../parts/search.tsx";
import { Sheet } from "../../parts/sheet.tsx";
import { Digest, Facts, Failed, Loading, Shown, View, When } from "../../parts/states.tsx";
import { count, counted, exact, who } from "../../parts/words.ts";
import { goTo, hrefOf } from "../../route.ts";
import { type EntriesControl, useEntries } from "./entries.ts";
import { summaryOf } from "./summary.ts";

const COLUMNS: readonly Column<Entry>[] = [
  { head: "Revision", width: "6.5rem", end: true, cell: ({ revision }) => count(revision) },
  { head: "When", width: "6.5rem", cell: ({ at }) => <When at={at} /> },
  { head: "What", main: true, width: "minmax(10rem, 3fr)", cell: summaryOf },
  { head: "Who", width: "minmax(8rem, 1fr)", wide: true, cell: ({ author }) => (author ? who(author) : "–") },
];

/** The journal as a stream: newest first, followed as it grows, looked through for a text. */
export function Journal({ space, route }: ViewProps) {
  const match = route.query.get("match") ?? "";
  const before = numberIn(route.query.get("before"));
  const at = numberIn(route.query.get("at"));
  const [follow, setFollow] = useState(true);
  const entries = useEntries(space, match, before, follow);
  const { older } = entries;
  const onEnd = useCallback(() => {
    if (match === "") older();
  }, [match, older]);
  const place = (query: { [name: string]: string }) => hrefOf(space, "journal", [], { match, ...query });
  return (
    <View
      title="Journal"
      about="Every transaction of the space, the newest first."
      tools={
        <>
          <Search
            key={match}
            label="Search the journal"
            hint="Id, atom, value or author"
            value={match}
            onSearch={(text) => goTo(place({ match: text }))}
          />
          <label className="check">
            <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.target.checked)} />
            Follow
          </label>
        </>
      }
    >
      {before !== null && (
        <p className="note">
          Up to revision {count(before)}. <a href={place({})}>Back to the newest</a>
        </p>
      )}
      {entries.error !== null && entries.error.code !== "offline" && <Failed error={entries.error} again={older} />}
      {entries.list.length === 0 && entries.busy ? (
        match === "" ? (
          <Loading />
        ) : (
          <Looking of={entries} match={match} />
        )
      ) : (
        <Grid
          label="Journal"
          columns={COLUMNS}
          rows={entries.list}
          keyOf={({ revision }) => revision}
          onOpen={({ revision }) => goTo(place({ at: String(revision) }))}
          onEnd={onEnd}
          empty={match === "" ? "Nothing was written yet." : <Looking of={entries} match={match} />}
          foot={match === "" ? <Depth of={entries} /> : <Looking of={entries} match={match} />}
        />
      )}
      {at !== null && <EntrySheet key={at} space={space} revision={at} onClose={() => goTo(place({}))} />}
    </View>
  );
}

function Depth({ of: { list, from, head } }: { readonly of: EntriesControl }) {
  if (head === null || from === null) return null;
  return (
    <>
      {counted(list.length, "entry", "entries")} of {count(head)}
      {from === 0 ? ", back to the first" : ""}
    </>
  );
}

/** How far a search has come: it says so, and can be stopped. */
function Looking({
  of: { list, from, head, busy, older, stop },
  match,
}: {
  readonly of: EntriesControl;
  readonly match: string;
}) {
  if (head === null || from === null) return <Loading />;
  return (
    <span className="looking" role="status">
      {list.length === 0 ? `Nothing with “${match}”` : `${count(list.length)} with “${match}”`}
      {from === 0 ? ", back to the first revision." : `, back to revision ${count(from + 1)}.`}{" "}
      {from > 0 &&
        (busy ? (
          <button type="button" onClick={stop}>
            Stop
          </button>
        ) : (
          <button type="button" onClick={older}>
            Look further back
          </button>
        ))}
    </span>
  );
}

/** Changes of one entry that are shown. */
const MOST = 200;

function EntrySheet({
  space,
  revision,
  onClose,
}: {
  readonly space: string;
  readonly revision: number;
  onClose(): void;
}) {
  const loaded = useLoad(`entry ${space} ${revision}`, async (signal) => {
    const query = { since: Math.max(0, revision - 1), limit: 1, changes: MOST };
    return { entry: (await ask(inSpace(space, "/journal", query), journal, { signal })).entries[0] };
  });
  return (
    <Sheet title={`Revision ${count(revision)}`} onClose={onClose}>
      <Shown of={loaded}>
        {({ entry }) =>
          entry === undefined || entry.revision !== revision ? (
            <p>There is no such revision.</p>
          ) : (
            <>
              <Facts
                of={[
                  ["When", exact(entry.at)],
                  ["Who", entry.author ? who(entry.author) : "cut"],
                  ["Mutation", entry.author ? count(entry.author.mutation) : "cut"],
                  ["Chain hash", <Digest key="hash" of={entry.hash} />],
                ]}
              />
              {entry.changes === undefined && <p>Its changes have been cut: number, time and hash are kept.</p>}
              {entry.changes?.map(({ collection, id, before, after, erased }) => (
                <section key={`${collection}/${id}`} className="change">
                  <h3>
                    <a href={hrefOf(space, "record", [collection, id], { at: String(revision) })}>
                      {collection}/{id}
                    </a>{" "}
                    <small>
                      {erased !== undefined
                        ? "erased"
                        : after === null
                          ? "deleted"
                          : before === null
                            ? "inserted"
                            : "changed"}
                    </small>
                  </h3>
                  {erased === undefined && <AtomChanges before={before} after={after} />}
                </section>
              ))}
              {entry.changed !== undefined && (
                <p className="soft">
                  The first {count(MOST)} of {count(entry.changed)} changes are shown.
                </p>
              )}
            </>
          )
        }
      </Shown>
    </Sheet>
  );
}

export function numberIn(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
