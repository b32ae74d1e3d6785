import { useState } from "react";
import { type Replica, replicas } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { ask, inSpace } from "../../ask.ts";
import { type Column, Grid } from "../../parts/grid.tsx";
import { useLoad } from "../../parts/load.ts";
import { Sheet } from "../../parts/sheet.tsx";
import { Badge, Facts, Shown, View, When } from "../../parts/states.tsx";
import { count, counted, exact, who } from "../../parts/words.ts";
import { hrefOf } from "../../route.ts";
import { Lag } from "../now/now.tsx";
import { Verify } from "./verify.tsx";

const MOST = 10_000;

/** Who follows the space, what of it, and how far each has come. */
export function Replicas({ space }: ViewProps) {
  const loaded = useLoad(
    `replicas ${space}`,
    (signal) => ask(inSpace(space, "/replicas", { limit: MOST }), replicas, { signal }),
    3_000,
  );
  const [open, setOpen] = useState<string | null>(null);
  return (
    <View title="Replicas" about="Who follows the space, what of it, and up to which revision each is complete.">
      <Shown of={loaded}>
        {({ replicas: all, revision, total, since }) => {
          const one = all.find((each) => nameOf(each) === open);
          return (
            <>
              <p className="note">
                The space is at revision {count(revision)}. Told is what this server has heard of since {exact(since)}:
                a replica that holds its place in its own cursor needs no row here. One whose scopes are quiet is told
                of a new revision within 30 seconds.
              </p>
              <Grid
                label="Replicas"
                columns={columnsOf(revision)}
                rows={all}
                keyOf={(each) => nameOf(each)}
                onOpen={(each) => setOpen(nameOf(each))}
                empty="Nobody has followed this space since the server started."
                foot={`${count(all.length)} shown of ${count(total)}`}
              />
              {one && <ReplicaSheet space={space} of={one} revision={revision} onClose={() => setOpen(null)} />}
            </>
          );
        }}
      </Shown>
    </View>
  );
}

function nameOf({ user, client, how, at, subscriptions }: Replica): string {
  return JSON.stringify([user, client, how, client === null || how === "live" ? at : "", subscriptions[0]?.key]);
}

function columnsOf(revision: number): readonly Column<Replica>[] {
  return [
    { head: "Who", main: true, width: "minmax(9rem, 2fr)", cell: who },
    { head: "How", width: "6rem", cell: (each) => <How of={each} /> },
    { head: "Follows", width: "minmax(6rem, 2fr)", cell: followed },
    {
      head: "Tidemark",
      width: "7rem",
      end: true,
      wide: true,
      cell: ({ tidemark }) => (tidemark === null ? "–" : count(tidemark)),
    },
    { head: "Behind", width: "7.5rem", cell: (each) => <Lag of={each} head={revision} /> },
    { head: "Heard of", width: "6.5rem", wide: true, cell: ({ at }) => <When at={at} /> },
  ];
}

function How({ of: { how, slow } }: { readonly of: Replica }) {
  if (how === "pull") return <Badge tone="soft">pulls</Badge>;
  return slow ? <Badge tone="warm">slow</Badge> : <Badge tone="good">live</Badge>;
}

function followed({ subscriptions, subscribed }: Replica): string {
  const [first] = subscriptions;
  if (first === undefined) return "nothing yet";
  const name = first.scope + (first.filtered ? ", filtered" : "");
  return subscribed === 1 ? name : `${name} and ${count(subscribed - 1)} more`;
}

function ReplicaSheet({
  space,
  of,
  revision,
  onClose,
}: {
  readonly space: string;
  readonly of: Replica;
  readonly revision: number;
  onClose(): void;
}) {
  const { user, client, how, tidemark, at, subscriptions, subscribed } = of;
  return (
    <Sheet title={who(of)} onClose={onClose}>
      <Facts
        of={[
          ["User", user === "" ? "–" : user],
          ["Client", client ?? "did not say"],
          ["How", <How key="how" of={of} />],
          [how === "live" ? "Connected since" : "Last pull", exact(at)],
          ["Tidemark", tidemark === null ? "nothing was told yet" : count(tidemark)],
          ["Behind", <Lag key="lag" of={of} head={revision} />],
        ]}
      />
      {of.connection !== null && <Verify space={space} of={of} connection={of.connection} />}
      <section className="change">
        <h3>{counted(subscribed, "subscription")}</h3>
        <ul className="plain-list">
          {subscriptions.map(({ key, scope, filtered }) => (
            <li key={key}>
              <a href={hrefOf(space, "scopes", [], { prefix: scope.replace(/\*$/, "") })}>
                <code>{scope}</code>
              </a>
              {filtered && ", filtered"} {key !== scope && <small>as {key}</small>}
            </li>
          ))}
        </ul>
        {subscribed > subscriptions.length && (
          <p className="soft">The first {count(subscriptions.length)} are shown.</p>
        )}
      </section>
    </Sheet>
  );
}
