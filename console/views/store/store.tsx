import { store } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { ask, inSpace } from "../../ask.ts";
import { type Column, Grid } from "../../parts/grid.tsx";
import { useLoad } from "../../parts/load.ts";
import { Badge, Digest, Shown, View, When } from "../../parts/states.tsx";
import { bytes, count, counted, span } from "../../parts/words.ts";
import { goTo, hrefOf } from "../../route.ts";

type Held = { readonly collection: string; readonly count: number; readonly digest: string };

const COLUMNS: readonly Column<Held>[] = [
  { head: "Collection", width: "minmax(8rem, 2fr)", cell: ({ collection }) => collection },
  { head: "Records", width: "8rem", end: true, cell: (each) => count(each.count) },
  { head: "Fingerprint", width: "9rem", wide: true, cell: ({ digest }) => <Digest of={digest} /> },
];

/** Below this share of the disk, or this many bytes, somebody has to make room soon. */
const SCARCE = 0.1;
const SCARCE_BYTES = 2 * 1_073_741_824;

/** What the store takes up, how far back it can be asked, and what is left of the disk. */
export function Store({ space }: ViewProps) {
  const loaded = useLoad(`store ${space}`, (signal) => ask(inSpace(space, "/store"), store, { signal }), 10_000);
  return (
    <View title="Store" about="What is held, what it takes up, and how far back it can be asked.">
      <Shown of={loaded}>
        {({ revision, at, horizon, collections, retention, bytes: size, disk }) => (
          <>
            <dl className="figures">
              <div>
                <dt>Store, all spaces</dt>
                <dd>
                  {bytes(size)}
                  <small>on disk</small>
                </dd>
              </div>
              <div>
                <dt>Disk</dt>
                <dd>
                  {disk === null ? "–" : bytes(disk.free)}
                  <small>{disk === null ? "not seen from this server" : <Room of={disk} />}</small>
                </dd>
              </div>
              <div>
                <dt>Records</dt>
                <dd>
                  {count(collections.reduce((sum, each) => sum + each.count, 0))}
                  <small>in {counted(collections.length, "collection")}</small>
                </dd>
              </div>
              <div>
                <dt>Revision</dt>
                <dd>
                  {count(revision)}
                  <small>
                    <When at={at} />
                  </small>
                </dd>
              </div>
            </dl>
            <section className="panel" aria-labelledby="horizons">
              <h2 id="horizons">Horizons</h2>
              <div className="scroll broad" tabIndex={0} role="group" aria-label="Horizons">
                <table className="atoms">
                  <thead>
                    <tr>
                      <th scope="col">What is kept</th>
                      <th scope="col">From revision</th>
                      <th scope="col">For</th>
                      <th scope="col">Below it</th>
                    </tr>
                  </thead>
                  <tbody>
                    <tr>
                      <th scope="row">Journal</th>
                      <td>{count(horizon.journal + 1)}</td>
                      <td>{age(retention.journal)}</td>
                      <td>number, time and hash of each revision</td>
                    </tr>
                    <tr>
                      <th scope="row">Tombstones</th>
                      <td>{count(horizon.tombstones + 1)}</td>
                      <td>{age(retention.tombstones)}</td>
                      <td>a replica that is older gets a copy</td>
                    </tr>
                    <tr>
                      <th scope="row">Outcomes</th>
                      <td>–</td>
                      <td>{age(retention.outcomes)} after they were acknowledged</td>
                      <td>a mutation that comes again is “unknown”</td>
                    </tr>
                  </tbody>
                </table>
              </div>
            </section>
            <h2 className="above">Collections</h2>
            <Grid
              label="Collections"
              columns={COLUMNS}
              rows={collections}
              keyOf={({ collection }) => collection}
              onOpen={({ collection }) => goTo(hrefOf(space, "records", [], { collection }))}
              empty="No collection holds a record."
            />
          </>
        )}
      </Shown>
    </View>
  );
}

function Room({ of: { free, total } }: { readonly of: { readonly free: number; readonly total: number } }) {
  if (free < SCARCE_BYTES || free < total * SCARCE) return <Badge tone="bad">free of {bytes(total)}: make room</Badge>;
  return <>free of {bytes(total)}</>;
}

function age(ms: number | null): string {
  return ms === null ? "ever" : span(ms);
}
