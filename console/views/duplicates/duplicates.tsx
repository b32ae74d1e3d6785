import { useState } from "react";
import { anything, history, type Pair, pairs, streams } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { AskError, ask, inSpace } from "../../ask.ts";
import { AtomTable } from "../../parts/changes.tsx";
import { type Column, Grid } from "../../parts/grid.tsx";
import { asError, useLoad } from "../../parts/load.ts";
import { Sheet } from "../../parts/sheet.tsx";
import { Facts, Failed, Shown, View } from "../../parts/states.tsx";
import { counted } from "../../parts/words.ts";
import { goTo, hrefOf } from "../../route.ts";
import { WhereConfigured } from "../sources/sources.tsx";

const MOST = 10_000;

const COLUMNS: readonly Column<Pair>[] = [
  { head: "Likeness", width: "5.5rem", end: true, cell: ({ score }) => percent(score) },
  { head: "One", width: "minmax(7rem, 1fr)", cell: ({ entities }) => entities[0] },
  { head: "Other", width: "minmax(7rem, 1fr)", cell: ({ entities }) => entities[1] },
  {
    head: "What speaks for it",
    width: "minmax(10rem, 2fr)",
    wide: true,
    cell: ({ evidence }) =>
      evidence
        .filter(({ bits }) => bits > 0)
        .map(({ field }) => field)
        .join(", "),
  },
  { head: "Asked because of", width: "9rem", wide: true, cell: ({ doubt }) => doubt },
];

/** Pairs that may be the same, for a person to decide. */
export function Duplicates({ space, route }: ViewProps) {
  const all = useLoad(`matched ${space}`, (signal) => matchedIn(space, signal));
  return (
    <View title="Duplicates" about="Records of different sources that may be the same, the likeliest first.">
      <WhereConfigured of={all.error}>
        <Shown of={all}>
          {(collections) => {
            const collection = route.query.get("collection") ?? collections[0];
            if (collection === undefined)
              return (
                <div className="empty">
                  No stream of this space is matched: <code>match</code> in its declaration finds records that are the
                  same.
                </div>
              );
            return (
              <>
                <label className="pick">
                  <span className="unseen">Collection</span>
                  <select
                    value={collection}
                    onChange={(event) => goTo(hrefOf(space, "duplicates", [], { collection: event.target.value }))}
                  >
                    {collections.map((each) => (
                      <option key={each}>{each}</option>
                    ))}
                  </select>
                </label>
                <Pairs key={collection} space={space} collection={collection} />
              </>
            );
          }}
        </Shown>
      </WhereConfigured>
    </View>
  );
}

/** The collections whose streams are matched: others have no review list. */
async function matchedIn(space: string, signal: AbortSignal): Promise<readonly string[]> {
  const { streams: list } = await ask(inSpace(space, "/ingest/streams"), streams, { signal });
  const collections = [...new Set(list.map(({ collection }) => collection))];
  const matched = await Promise.all(
    collections.map((collection) =>
      ask(pathOf(space, collection, 1), pairs, { signal }).then(
        () => true,
        (error: unknown) => {
          if (error instanceof AskError && error.code !== "offline") return false;
          throw error;
        },
      ),
    ),
  );
  return collections.filter((_, i) => matched[i]);
}

function pathOf(space: string, collection: string, limit?: number): string {
  return inSpace(space, `/ingest/duplicates/${encodeURIComponent(collection)}`, { limit });
}

function Pairs({ space, collection }: { readonly space: string; readonly collection: string }) {
  const path = pathOf(space, collection);
  const loaded = useLoad(`pairs ${path}`, (signal) => ask(pathOf(space, collection, MOST), pairs, { signal }));
  const [open, setOpen] = useState<Pair | null>(null);
  return (
    <Shown of={loaded}>
      {({ pairs: list }) => (
        <>
          <Grid
            label="Duplicates"
            columns={COLUMNS}
            rows={list}
            keyOf={({ a, b }) => `${a} ${b}`}
            onOpen={(pair) => setOpen(pair)}
            empty="There is nothing to decide."
            foot={counted(list.length, "pair")}
          />
          {open !== null && (
            <PairSheet
              key={`${open.a} ${open.b}`}
              space={space}
              collection={collection}
              path={path}
              of={open}
              onClose={() => setOpen(null)}
              changed={loaded.reload}
            />
          )}
        </>
      )}
    </Shown>
  );
}

function PairSheet({
  space,
  collection,
  path,
  of,
  onClose,
  changed,
}: {
  readonly space: string;
  readonly collection: string;
  readonly path: string;
  readonly of: Pair;
  onClose(): void;
  changed(): void;
}) {
  const [told, setTold] = useState<string | AskError | null>(null);
  const [busy, setBusy] = useState(false);
  const merge = async () => {
    setBusy(true);
    try {
      await ask(path, anything, { body: { do: "merge", ids: of.entities } });
      setTold("They are one record now. `tidemark duplicates split` takes them apart again.");
      changed();
    } catch (error) {
      setTold(asError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Sheet title="The same, or not?" onClose={onClose}>
      <Facts
        of={[
          ["Likeness", percent(of.score)],
          ["Asked because of", of.doubt],
          ["Source records", `${of.a}, ${of.b}`],
        ]}
      />
      <section className="change">
        <h3>What speaks for it, and against</h3>
        <Facts
          of={of.evidence.map(({ field, similarity, bits }) => [
            field,
            `${percent(similarity)} alike, ${bits >= 0 ? "for" : "against"} it with ${Math.abs(bits).toFixed(1)} bits`,
          ])}
        />
      </section>
      {of.entities.map((id) => (
        <section key={id} className="change">
          <h3>
            <a href={hrefOf(space, "record", [collection, id])}>
              {collection}/{id}
            </a>
          </h3>
          <Entity space={space} collection={collection} id={id} />
        </section>
      ))}
      <div className="actions">
        <button type="button" className="main" disabled={busy} onClick={() => void merge()}>
          They are the same: make them one
        </button>
      </div>
      <div role="status">{told !== null && (typeof told === "string" ? <p>{told}</p> : <Failed error={told} />)}</div>
    </Sheet>
  );
}

function Entity({
  space,
  collection,
  id,
}: {
  readonly space: string;
  readonly collection: string;
  readonly id: string;
}) {
  const path = `/history/${encodeURIComponent(collection)}/${encodeURIComponent(id)}`;
  const loaded = useLoad(`entity ${path}`, (signal) => ask(inSpace(space, path, { limit: 1 }), history, { signal }));
  return (
    <Shown of={loaded}>
      {({ versions: [version] }) =>
        version?.record ? <AtomTable of={version.record} /> : <p className="soft">It is not there any more.</p>
      }
    </Shown>
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
