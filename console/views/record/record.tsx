import { type History, history, type Version } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { ask, inSpace } from "../../ask.ts";
import { AtomChanges, AtomTable, Value } from "../../parts/changes.tsx";
import { useLoad } from "../../parts/load.ts";
import { Badge, Shown, View, When } from "../../parts/states.tsx";
import { count, counted, exact, who } from "../../parts/words.ts";
import { hrefOf, readdress } from "../../route.ts";
import { numberIn } from "../journal/journal.tsx";
import { lastWriters } from "./writers.ts";

/** Versions of a record that are looked at. */
const MOST = 1_000;

/** One record through time: as it was at any revision that the journal still has, and who wrote which atom. */
export function Record({ space, route }: ViewProps) {
  const [collection = "", id = ""] = route.rest;
  const loaded = useLoad(`record ${space} ${collection} ${id}`, (signal) => {
    const path = `/history/${encodeURIComponent(collection)}/${encodeURIComponent(id)}`;
    return ask(inSpace(space, path, { limit: MOST }), history, { signal });
  });
  return (
    <View
      title={id}
      about={`A record of ${collection}, through time.`}
      tools={<a href={hrefOf(space, "records", [], { collection })}>All of {collection}</a>}
    >
      {loaded.error?.code === "not-found" && <p className="empty">{loaded.error.message}</p>}
      <Shown of={loaded} but="not-found">
        {(data) =>
          data.versions.length === 0 ? (
            <p className="empty">The journal tells nothing of this record any more: what changed it has been cut.</p>
          ) : (
            <Travel of={data} at={numberIn(route.query.get("at"))} space={space} />
          )
        }
      </Shown>
    </View>
  );
}

function Travel({ of, at, space }: { readonly of: History; readonly at: number | null; readonly space: string }) {
  // The newest first, as they came; the slider goes from the oldest to the newest.
  const { versions, collection, id } = of;
  const found = at === null ? 0 : versions.findIndex(({ revision }) => revision <= at);
  const index = found === -1 ? versions.length - 1 : found;
  const version = versions[index] as Version;
  const go = (to: number) => {
    const next = versions[Math.max(0, Math.min(versions.length - 1, to))] as Version;
    readdress(hrefOf(space, "record", [collection, id], { at: String(next.revision) }));
  };
  const position = versions.length - 1 - index;
  return (
    <>
      <section className="panel travel" aria-label="Time travel">
        <div className="steps">
          <button type="button" disabled={index === versions.length - 1} onClick={() => go(index + 1)}>
            Earlier
          </button>
          <label>
            <span className="unseen">Version</span>
            <input
              type="range"
              min={0}
              max={versions.length - 1}
              value={position}
              disabled={versions.length === 1}
              aria-valuetext={`revision ${version.revision}, ${exact(version.at)}`}
              onChange={(event) => go(versions.length - 1 - Number(event.target.value))}
            />
          </label>
          <button type="button" disabled={index === 0} onClick={() => go(index - 1)}>
            Later
          </button>
        </div>
        <p>
          Version {count(position + 1)} of {count(versions.length)}: revision{" "}
          <a href={hrefOf(space, "journal", [], { at: String(version.revision) })}>{count(version.revision)}</a>,{" "}
          {exact(version.at)} (<When at={version.at} />) by {who(version.author)}{" "}
          {index === 0 && <Badge tone="good">as it is now</Badge>}
        </p>
      </section>
      <div className="two">
        <section className="panel" aria-labelledby="then">
          <h2 id="then">The record at revision {count(version.revision)}</h2>
          {version.record === null ? (
            <p>{version.erased ? "Its values were erased." : "Deleted by this revision."}</p>
          ) : (
            <AtomTable of={version.record} changed={Object.keys(version.after ?? {}).filter((atom) => atom !== "id")} />
          )}
        </section>
        <section className="panel" aria-labelledby="change">
          <h2 id="change">What this revision changed</h2>
          {version.erased ? (
            <p>Its values were erased.</p>
          ) : (
            <AtomChanges before={version.before} after={version.after} />
          )}
        </section>
      </div>
      <Writers of={versions} space={space} />
    </>
  );
}

function Writers({ of, space }: { readonly of: readonly Version[]; readonly space: string }) {
  const writers = lastWriters(of);
  if (writers.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="writers">
      <h2 id="writers">Who last wrote which atom</h2>
      <div className="scroll" tabIndex={0} role="group" aria-label="Who last wrote which atom">
        <table className="atoms">
          <thead>
            <tr>
              <th scope="col">Atom</th>
              <th scope="col">Value</th>
              <th scope="col">Revision</th>
              <th scope="col">Who</th>
              <th scope="col">When</th>
            </tr>
          </thead>
          <tbody>
            {writers.map(({ atom, value, version }) => (
              <tr key={atom}>
                <th scope="row">{atom}</th>
                <td>
                  <Value of={value} />
                </td>
                <td>
                  <a href={hrefOf(space, "journal", [], { at: String(version.revision) })}>{count(version.revision)}</a>
                </td>
                <td>{who(version.author)}</td>
                <td>
                  <When at={version.at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="soft">As far as the {counted(of.length, "version")} above tell.</p>
    </section>
  );
}
