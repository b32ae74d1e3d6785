import { useState } from "react";
import { history, type LostWrite, lost } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { ask, inSpace } from "../../ask.ts";
import { AtomTable } from "../../parts/changes.tsx";
import { type Column, Grid } from "../../parts/grid.tsx";
import { useLoad } from "../../parts/load.ts";
import { Sheet } from "../../parts/sheet.tsx";
import { Badge, Facts, Shown, View, When } from "../../parts/states.tsx";
import { count, exact, who } from "../../parts/words.ts";
import { hrefOf } from "../../route.ts";

const MOST = 1_000;

const REASONS: { readonly [reason: string]: string } = {
  newer: "somebody else wrote it after what the writer had seen",
  missing: "the record is not there",
  exists: "a record of this id is there already",
  created: "it is another record of the same id, made since",
  changed: "somebody else changed the record that was to be deleted",
  expect: "what the writer expected did not hold",
};

const COLUMNS: readonly Column<LostWrite>[] = [
  { head: "When", width: "6.5rem", cell: ({ at }) => <When at={at} /> },
  { head: "Became", width: "7.5rem", cell: (each) => <Status of={each} /> },
  { head: "What", main: true, width: "minmax(9rem, 3fr)", cell: aboutOf },
  { head: "Why", width: "minmax(9rem, 2fr)", wide: true, cell: whyOf },
  { head: "Who", width: "minmax(8rem, 1fr)", wide: true, cell: who },
];

/** What did not stand: the server's value has priority, and nobody is asked, so it can be looked up here. */
export function Lost({ space }: ViewProps) {
  const loaded = useLoad(
    `lost ${space}`,
    (signal) => ask(inSpace(space, "/lost", { limit: MOST }), lost, { signal }),
    4_000,
  );
  const [open, setOpen] = useState<LostWrite | null>(null);
  return (
    <View
      title="Conflicts"
      about="Writes that were superseded by what stood on the server, and mutations that were rejected."
    >
      <Shown of={loaded}>
        {({ lost: all, superseded, rejected, since }) => (
          <>
            <p className="note">
              {count(superseded)} superseded and {count(rejected)} rejected by this server since {exact(since)}. Of
              links, what lost against upstream is kept with <a href={hrefOf(space, "links")}>each link</a>.
            </p>
            <Grid
              label="Conflicts"
              columns={COLUMNS}
              rows={all}
              keyOf={({ number }) => number}
              onOpen={(each) => setOpen(each)}
              empty="Everything that was written since the server started stands."
              foot={all.length < superseded + rejected ? `The newest ${count(all.length)} are kept.` : undefined}
            />
          </>
        )}
      </Shown>
      {open !== null && <LostSheet key={open.number} space={space} of={open} onClose={() => setOpen(null)} />}
    </View>
  );
}

function Status({ of: { status } }: { readonly of: LostWrite }) {
  return <Badge tone={status === "rejected" ? "bad" : "warm"}>{status}</Badge>;
}

function aboutOf({ superseded, wanted }: LostWrite): string {
  const [first] =
    superseded.length > 0 ? superseded : wanted.map((each) => ({ ...each, atoms: Object.keys(each.atoms) }));
  if (first === undefined) return "no record";
  const others = Math.max(superseded.length, wanted.length) - 1;
  const atoms = first.atoms.length > 0 ? `: ${first.atoms.join(", ")}` : "";
  return `${first.collection}/${first.id}${atoms}${others > 0 ? ` and ${count(others)} more` : ""}`;
}

function whyOf({ superseded, reason }: LostWrite): string {
  if (reason !== null) return reason.message;
  const [first] = superseded;
  return first === undefined ? "" : (REASONS[first.reason] ?? first.reason);
}

function LostSheet({ space, of, onClose }: { readonly space: string; readonly of: LostWrite; onClose(): void }) {
  const { at, mutation, base, revision, superseded, reason, wanted } = of;
  return (
    <Sheet title={`Mutation ${count(mutation)} of ${who(of)}`} onClose={onClose}>
      <Facts
        of={[
          ["When", exact(at)],
          ["Became", <Status key="status" of={of} />],
          ["Its writer had seen", `revision ${count(base)}`],
          [
            "Settled at",
            <a key="at" href={hrefOf(space, "journal", [], { before: String(revision) })}>
              revision {count(revision)}
            </a>,
          ],
        ]}
      />
      {reason !== null && (
        <section className="change">
          <h3>Why</h3>
          <p>
            {reason.message} <small>{[reason.code, reason.path].filter((text) => text !== "").join(", at ")}</small>
          </p>
        </section>
      )}
      {wanted.map((write) => {
        const about = superseded.find(({ collection, id }) => collection === write.collection && id === write.id);
        return (
          <section key={`${write.collection}/${write.id}`} className="change">
            <h3>
              <a href={hrefOf(space, "record", [write.collection, write.id])}>
                {write.collection}/{write.id}
              </a>{" "}
              <small>{write.op}</small>
            </h3>
            {about && (
              <p>
                {about.atoms.length > 0 && <strong>{about.atoms.join(", ")}: </strong>}
                {REASONS[about.reason] ?? about.reason}.
              </p>
            )}
            {Object.keys(write.atoms).length > 0 && (
              <>
                <h4>What was wanted</h4>
                <AtomTable of={write.atoms} changed={about?.atoms ?? []} />
              </>
            )}
            <Stands space={space} collection={write.collection} id={write.id} atoms={about?.atoms ?? []} />
          </section>
        );
      })}
    </Sheet>
  );
}

/** What the record is now. */
function Stands({
  space,
  collection,
  id,
  atoms,
}: {
  readonly space: string;
  readonly collection: string;
  readonly id: string;
  readonly atoms: readonly string[];
}) {
  const path = `/history/${encodeURIComponent(collection)}/${encodeURIComponent(id)}`;
  const loaded = useLoad(`stands ${collection} ${id}`, (signal) =>
    ask(inSpace(space, path, { limit: 1 }), history, { signal }),
  );
  if (loaded.error?.code === "not-found" || loaded.error?.code === "invalid") return null;
  return (
    <>
      <h4>What stands now</h4>
      <Shown of={loaded}>
        {({ versions: [version] }) =>
          version?.record ? (
            <AtomTable of={version.record} changed={atoms} />
          ) : (
            <p className="soft">There is no such record.</p>
          )
        }
      </Shown>
    </>
  );
}
