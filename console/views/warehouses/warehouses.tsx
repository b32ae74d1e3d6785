import { head, type Warehouse, warehouses } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { ask, inSpace } from "../../ask.ts";
import { useLoad } from "../../parts/load.ts";
import { Badge, Facts, Shown, View, When } from "../../parts/states.tsx";
import { count, counted, exact, iso } from "../../parts/words.ts";

/** What follows the space for reports, and how far each has come. */
export function Warehouses({ space }: ViewProps) {
  const loaded = useLoad(
    `warehouses ${space}`,
    async (signal) => {
      const { revision } = await ask(inSpace(space, ""), head, { signal });
      return { revision, ...(await ask(inSpace(space, "/warehouses"), warehouses, { signal })) };
    },
    5_000,
  );
  return (
    <View title="Warehouses" about="Databases for reports that follow this space: their schedules and last syncs.">
      {loaded.error?.code === "not-found" && <None />}
      <Shown of={loaded} but="not-found">
        {({ warehouses: all, revision }) =>
          all.length === 0 ? (
            <None />
          ) : (
            <ul className="cards">
              {all.map((each) => (
                <li key={each.name} className="panel">
                  <Card of={each} revision={revision} />
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </View>
  );
}

function None() {
  return (
    <div className="empty">
      No warehouse follows this space: <code>warehouses</code> in the server's configuration names them.
    </div>
  );
}

function Card({ of, revision }: { readonly of: Warehouse; readonly revision: number }) {
  const { name, kind, mode, schedule, due, last, failure } = of;
  const rests = Object.entries(last?.paused ?? {});
  return (
    <>
      <header>
        <h2>{name}</h2>
        <State of={of} />
        {last !== null && (
          <small>
            synced <When at={iso(last.at)} />
          </small>
        )}
      </header>
      {failure !== null && (
        <p className="cause">
          {failure.cause} (<When at={iso(failure.at)} />)
        </p>
      )}
      {rests.map(([table, { atom, from, to, id }]) => (
        <p key={table} className="cause">
          {table} rests: {atom} was {from}, and is {to} in {id}. `tidemark warehouse refresh {name} --collections{" "}
          {table}` builds it anew.
        </p>
      ))}
      <Facts
        of={[
          ["Holds", `${mode}, in ${kind}`],
          [
            "Syncs",
            schedule === null
              ? "when it is asked to"
              : typeof schedule === "string"
                ? schedule
                : [schedule.cron, schedule.timeZone].join(" "),
          ],
          ["Next", due === null ? "–" : exact(iso(due))],
          [
            "Complete to",
            last === null
              ? "not synced since the server started"
              : `revision ${count(last.revision)} of ${count(revision)}`,
          ],
          [
            "Last sync",
            last === null
              ? "–"
              : `${counted(last.taken, "record")} came${last.rebuilt.length > 0 ? `, ${last.rebuilt.join(", ")} built anew` : ""}`,
          ],
        ]}
      />
    </>
  );
}

function State({ of: { syncing, last, failure } }: { readonly of: Warehouse }) {
  if (syncing) return <Badge tone="soft">syncing</Badge>;
  if (failure !== null) return <Badge tone="bad">failed</Badge>;
  if (last === null) return <Badge tone="soft">waits</Badge>;
  return Object.keys(last.paused).length > 0 ? (
    <Badge tone="warm">tables rest</Badge>
  ) : (
    <Badge tone="good">synced</Badge>
  );
}
