import { store } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { ask, inSpace } from "../../ask.ts";
import { type Column, Grid } from "../../parts/grid.tsx";
import { useLoad } from "../../parts/load.ts";
import { Search } from "../../parts/search.tsx";
import { Failed, Loading, View } from "../../parts/states.tsx";
import { count, preview } from "../../parts/words.ts";
import { goTo, hrefOf } from "../../route.ts";
import { type Found, type PagesControl, usePages } from "./pages.ts";

const COLUMNS: readonly Column<Found>[] = [
  { head: "Collection", width: "9rem", wide: true, cell: ({ collection }) => collection },
  { head: "Id", main: true, width: "minmax(7rem, 1fr)", cell: ({ record }) => record.id },
  { head: "Atoms", width: "minmax(10rem, 4fr)", cell: ({ record }) => preview(record) },
];

/** What the space holds, in the order of its keys. */
export function Records({ space, route }: ViewProps) {
  const { query } = route;
  const get = (name: string) => query.get(name) ?? "";
  const wanted = { collection: get("collection"), scope: get("scope"), match: get("match"), from: get("from") };
  const pages = usePages(space, wanted);
  const held = useLoad(`collections ${space}`, (signal) => ask(inSpace(space, "/store"), store, { signal }));
  const place = (next: object) => hrefOf(space, "records", [], { ...wanted, ...next });
  const total = held.data?.collections.reduce(
    (sum, each) => sum + (wanted.collection === "" || each.collection === wanted.collection ? each.count : 0),
    0,
  );
  return (
    <View
      title="Records"
      about="What the space holds now. Open a record to see it through time."
      tools={
        <>
          <label className="pick">
            <span className="unseen">Collection</span>
            <select
              value={wanted.collection}
              onChange={(event) => goTo(place({ collection: event.target.value, from: "" }))}
            >
              <option value="">All collections</option>
              {held.data?.collections.map(({ collection, count: records }) => (
                <option key={collection} value={collection}>
                  {collection} ({count(records)})
                </option>
              ))}
            </select>
          </label>
          {wanted.collection !== "" && (
            <Search
              key={`from ${wanted.from}`}
              label="Begin at an id"
              value={wanted.from}
              onSearch={(from) => goTo(place({ from, match: "" }))}
            />
          )}
          <Search
            key={wanted.match}
            label="Search the records"
            hint="Any text in a record"
            value={wanted.match}
            onSearch={(match) => goTo(place({ match, from: "" }))}
          />
        </>
      }
    >
      {wanted.scope !== "" && (
        <p className="note">
          Only the scope <code>{wanted.scope}</code>. <a href={place({ scope: "" })}>The whole space</a>
        </p>
      )}
      {pages.error !== null && pages.error.code !== "offline" && <Failed error={pages.error} again={pages.more} />}
      {pages.list.length === 0 && pages.next === undefined ? (
        pages.error === null && <Loading />
      ) : (
        <Grid
          label="Records"
          columns={COLUMNS}
          rows={pages.list}
          keyOf={({ collection, record }) => `${collection}/${record.id}`}
          onOpen={({ collection, record }) => goTo(hrefOf(space, "record", [collection, record.id]))}
          {...(wanted.match === "" && { onEnd: pages.more })}
          empty={wanted.match === "" ? "There are no records." : <Looking of={pages} match={wanted.match} />}
          foot={
            wanted.match !== "" ? (
              <Looking of={pages} match={wanted.match} />
            ) : (
              <>
                {count(pages.list.length)} shown
                {total !== undefined && wanted.scope === "" && ` of ${count(total)}`}
              </>
            )
          }
        />
      )}
    </View>
  );
}

function Looking({
  of: { list, looked, next, busy, more, stop },
  match,
}: {
  readonly of: PagesControl;
  readonly match: string;
}) {
  return (
    <span className="looking" role="status">
      {list.length === 0 ? `Nothing with “${match}”` : `${count(list.length)} with “${match}”`} among {count(looked)}{" "}
      records
      {next === null ? ", which is all." : ". "}
      {next !== null &&
        (busy ? (
          <button type="button" onClick={stop}>
            Stop
          </button>
        ) : (
          <button type="button" onClick={more}>
            Look further
          </button>
        ))}
    </span>
  );
}
