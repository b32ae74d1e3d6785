import { runs } from "../../api.ts";
import { ask, inSpace } from "../../ask.ts";
import { useLoad } from "../../parts/load.ts";
import { Sheet } from "../../parts/sheet.tsx";
import { Badge, Shown, When } from "../../parts/states.tsx";
import { bytes, count, iso, span } from "../../parts/words.ts";
import { RUN_TONES } from "./sources.tsx";

const MOST = 100;

export function RunsSheet({
  space,
  stream,
  onClose,
}: {
  readonly space: string;
  readonly stream: string;
  onClose(): void;
}) {
  const loaded = useLoad(`runs ${space} ${stream}`, (signal) =>
    ask(inSpace(space, `/ingest/streams/${encodeURIComponent(stream)}/runs`, { limit: MOST }), runs, { signal }),
  );
  return (
    <Sheet title={`Runs of ${stream}`} onClose={onClose}>
      <Shown of={loaded}>
        {({ runs: all }) =>
          all.length === 0 ? (
            <p className="soft">It never ran.</p>
          ) : (
            <div className="scroll" tabIndex={0} role="group" aria-label="Runs">
              <table className="atoms">
                <thead>
                  <tr>
                    {[
                      "Run",
                      "State",
                      "Kind",
                      "Began",
                      "Took",
                      "Read",
                      "New",
                      "Changed",
                      "Deleted",
                      "Rejected",
                      "Size",
                    ].map((head) => (
                      <th key={head} scope="col">
                        {head}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {all.map((run) => (
                    <tr key={run.run}>
                      <th scope="row">{count(run.run)}</th>
                      <td>
                        <Badge tone={RUN_TONES[run.status] ?? "soft"}>{run.status}</Badge>
                        {run.reasons.map((reason) => (
                          <small key={reason}> {reason}</small>
                        ))}
                      </td>
                      <td>{run.kind}</td>
                      <td>
                        <When at={iso(run.started)} />
                      </td>
                      <td>{run.ended === null ? "–" : span(run.ended - run.started)}</td>
                      <td>{count(run.read)}</td>
                      <td>{count(run.added)}</td>
                      <td>{count(run.changed)}</td>
                      <td>{count(run.deleted)}</td>
                      <td>{count(run.rejected)}</td>
                      <td>{bytes(run.bytes)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Shown>
    </Sheet>
  );
}
