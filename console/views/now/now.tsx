import { useRef } from "react";
import { head, journal, lost, type Replica, replicas } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { ask, inSpace } from "../../ask.ts";
import { Chart } from "../../parts/chart.tsx";
import { useLoad } from "../../parts/load.ts";
import { Badge, Shown, View, When } from "../../parts/states.tsx";
import { count, counted, who } from "../../parts/words.ts";
import { hrefOf } from "../../route.ts";
import { summaryOf } from "../journal/summary.ts";
import { meanOf, rateOf, STEP, stepOf } from "./rate.ts";

/** What happens now: how fast, by whom, and who is behind. */
export function Now({ space }: ViewProps) {
  const rate = useRate(space);
  const latest = useLoad(`latest ${space}`, (signal) => lastEntries(space, 8, 3, signal), STEP * 1_000);
  const following = useLoad(
    `following ${space}`,
    (signal) => ask(inSpace(space, "/replicas", { limit: 1_000 }), replicas, { signal }),
    4_000,
  );
  const losses = useLoad(
    `losses ${space}`,
    (signal) => ask(inSpace(space, "/lost", { limit: 0 }), lost, { signal }),
    10_000,
  );
  return (
    <View title="Now" about="What is committed, and who follows it.">
      <Shown of={rate}>
        {({ state, shown }) => {
          const now = meanOf(shown.values, 3);
          const minute = meanOf(shown.values, 60 / STEP);
          return (
            <>
              <dl className="figures">
                <Figure name="Revision" value={count(state.revision)} more={<When at={state.at} />} />
                <Figure
                  name="Revisions a second"
                  value={decimal(now)}
                  more={`${decimal(minute)} over the last minute`}
                />
                <Figure
                  name="Live connections"
                  value={following.data === null ? "…" : count(liveIn(following.data.replicas).length)}
                  more={following.data === null ? "" : `${counted(following.data.total, "replica")} heard of`}
                />
                <Figure
                  name="Did not stand"
                  value={losses.data === null ? "…" : count(losses.data.superseded + losses.data.rejected)}
                  more={
                    losses.data === null
                      ? ""
                      : `${count(losses.data.superseded)} superseded, ${count(losses.data.rejected)} rejected`
                  }
                />
              </dl>
              <section className="panel" aria-labelledby="rate">
                <h2 id="rate">Revisions a second, the last ten minutes</h2>
                <Chart
                  times={shown.times}
                  values={shown.values}
                  name="revisions a second"
                  label={`Revisions a second over the last ten minutes: ${decimal(now)} now, ${decimal(minute)} over the last minute, ${decimal(Math.max(...shown.values.map((value) => value ?? 0)))} at most.`}
                />
              </section>
            </>
          );
        }}
      </Shown>
      <div className="two">
        <section className="panel" aria-labelledby="latest">
          <h2 id="latest">
            Latest <a href={hrefOf(space, "journal")}>Journal</a>
          </h2>
          <Shown of={latest}>
            {(entries) =>
              entries.length === 0 ? (
                <p className="soft">Nothing was written yet.</p>
              ) : (
                <ol className="stream">
                  {entries.map((entry) => (
                    <li key={entry.revision}>
                      <a href={hrefOf(space, "journal", [], { at: String(entry.revision) })}>{count(entry.revision)}</a>
                      <span>{summaryOf(entry)}</span>
                      <small>
                        {entry.author ? who(entry.author) : "cut"}, <When at={entry.at} />
                      </small>
                    </li>
                  ))}
                </ol>
              )
            }
          </Shown>
        </section>
        <section className="panel" aria-labelledby="behind">
          <h2 id="behind">
            Furthest behind <a href={hrefOf(space, "replicas")}>Replicas</a>
          </h2>
          <Shown of={following}>
            {({ replicas: all, revision }) => {
              const behind = [...all].sort((a, b) => (a.tidemark ?? 0) - (b.tidemark ?? 0)).slice(0, 8);
              if (behind.length === 0)
                return <p className="soft">Nobody has followed this space since the server started.</p>;
              return (
                <ol className="stream">
                  {behind.map((replica, i) => (
                    <li key={`${replica.user} ${replica.client} ${i}`}>
                      <Lag of={replica} head={revision} />
                      <span>{who(replica)}</span>
                      <small>
                        {replica.how === "live" ? "connected" : "asked"} <When at={replica.at} />
                      </small>
                    </li>
                  ))}
                </ol>
              );
            }}
          </Shown>
        </section>
      </div>
    </View>
  );
}

function Figure({
  name,
  value,
  more,
}: {
  readonly name: string;
  readonly value: string;
  readonly more: React.ReactNode;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        <small>{more}</small>
      </dd>
    </div>
  );
}

export function Lag({ of, head: revision }: { readonly of: Replica; readonly head: number }) {
  if (of.tidemark === null) return <Badge tone="soft">nothing yet</Badge>;
  const behind = Math.max(0, revision - of.tidemark);
  if (behind === 0) return <Badge tone="good">up to date</Badge>;
  return <Badge tone={behind > 1_000 ? "warm" : "soft"}>{count(behind)} behind</Badge>;
}

function liveIn(all: readonly Replica[]): readonly Replica[] {
  return all.filter(({ how }) => how === "live");
}

function decimal(value: number | null): string {
  if (value === null) return "–";
  return value >= 10 || Number.isInteger(value) ? count(Math.round(value)) : value.toFixed(1);
}

async function lastEntries(space: string, most: number, changes: number, signal: AbortSignal) {
  const { revision } = await ask(inSpace(space, ""), head, { signal });
  const since = Math.max(0, revision - most);
  const { entries } = await ask(inSpace(space, "/journal", { since, limit: most, changes }), journal, { signal });
  return entries.reverse();
}

interface Seen {
  readonly revisions: Map<number, number>;
  revision: number;
  knownFrom: number;
}

/** The head, every few seconds; what was before comes out of the journal's times. */
function useRate(space: string) {
  const seen = useRef<Seen | null>(null);
  return useLoad(
    `rate ${space}`,
    async (signal) => {
      const state = await ask(inSpace(space, ""), head, { signal });
      const now = Date.now();
      if (seen.current === null || state.revision < seen.current.revision)
        seen.current = await fromJournal(space, state.revision, now, signal);
      else {
        const step = stepOf(now);
        const { revisions } = seen.current;
        revisions.set(step, (revisions.get(step) ?? 0) + state.revision - seen.current.revision);
        seen.current.revision = state.revision;
      }
      return { state, shown: rateOf(seen.current.revisions, seen.current.knownFrom, now) };
    },
    STEP * 1_000,
  );
}

const LOOKED_AT = 1_000;

async function fromJournal(space: string, revision: number, now: number, signal: AbortSignal): Promise<Seen> {
  const since = Math.max(0, revision - LOOKED_AT);
  const path = inSpace(space, "/journal", { since, limit: LOOKED_AT, changes: 0 });
  const { entries } = await ask(path, journal, { signal });
  const revisions = new Map<number, number>();
  for (const { at } of entries) {
    const step = stepOf(Date.parse(at));
    revisions.set(step, (revisions.get(step) ?? 0) + 1);
  }
  const oldest = entries[0];
  const knownFrom = since === 0 || oldest === undefined ? 0 : Date.parse(oldest.at);
  return { revisions, revision, knownFrom: Math.min(knownFrom, now) };
}
