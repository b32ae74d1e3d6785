import type { Atoms } from "../api.ts";
import { brief } from "./words.ts";

/** What a change did, atom by atom. */
export function AtomChanges({ before, after }: { readonly before: Atoms | null; readonly after: Atoms | null }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter(
    (name) => name !== "id",
  );
  if (names.length === 0) return <p className="soft">{after === null ? "Deleted." : "No atoms."}</p>;
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label="What changed">
      <table className="atoms">
        <thead>
          <tr>
            <th scope="col">Atom</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <Value of={before?.[name]} />
              </td>
              <td>
                <Value of={after?.[name]} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The atoms of a record; those of `changed` are marked. */
export function AtomTable({ of, changed = [] }: { readonly of: Atoms; readonly changed?: readonly string[] }) {
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label="The record">
      <table className="atoms pairs">
        <tbody>
          {Object.entries(of).map(([name, value]) => (
            <tr key={name} className={changed.includes(name) ? "marked" : undefined}>
              <th scope="row">
                {name}
                {changed.includes(name) && <span className="unseen"> (changed here)</span>}
              </th>
              <td>
                <Value of={value} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Atoms above this length are cut, so that one large record does not stop the page. */
const MOST = 2_000;
const LINE = 80;

export function Value({ of }: { readonly of: unknown }) {
  if (of === undefined || of === null) return <span className="soft">–</span>;
  if (typeof of === "string") return <>{brief(of, MOST)}</>;
  const line = JSON.stringify(of);
  return <code>{brief(line.length <= LINE ? line : JSON.stringify(of, null, 1), MOST)}</code>;
}
