import { useState } from "react";
import { type RunLine, runLine, type Stream, streams } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { AskError, ask, follow, inSpace } from "../../ask.ts";
import { asError, useLoad } from "../../parts/load.ts";
import { Badge, Facts, Failed, Shown, type Tone, View, When } from "../../parts/states.tsx";
import { count, counted, exact, iso } from "../../parts/words.ts";
import { hrefOf } from "../../route.ts";
import { RunsSheet } from "./runs.tsx";

export const RUN_TONES: { readonly [status: string]: Tone } = {
  running: "soft",
  done: "good",
  held: "warm",
  failed: "bad",
  interrupted: "warm",
};

/** What comes into the space from outside: each stream, its last run, and when it runs next. */
export function Sources({ space }: ViewProps) {
  const loaded = useLoad(
    `streams ${space}`,
    (signal) => ask(inSpace(space, "/ingest/streams"), streams, { signal }),
    5_000,
  );
  const [open, setOpen] = useState<string | null>(null);
  return (
    <View title="Sources" about="What comes into this space from outside: streams, their runs, and when they run next.">
      <WhereConfigured of={loaded.error}>
        <Shown of={loaded}>
          {({ streams: all }) =>
            all.length === 0 ? (
              <NoSources />
            ) : (
              <ul className="cards">
                {all.map((each) => (
                  <li key={each.stream} className="panel">
                    <StreamCard space={space} of={each} onRuns={() => setOpen(each.stream)} changed={loaded.reload} />
                  </li>
                ))}
              </ul>
            )
          }
        </Shown>
      </WhereConfigured>
      {open !== null && <RunsSheet key={open} space={space} stream={open} onClose={() => setOpen(null)} />}
    </View>
  );
}

/** A server to which no source was named has no such address. */
export function WhereConfigured({
  of,
  children,
}: {
  readonly of: AskError | null;
  readonly children: React.ReactNode;
}) {
  return of?.code === "not-found" ? <NoSources /> : <>{children}</>;
}

function NoSources() {
  return (
    <div className="empty">
      Nothing comes into this space from outside: <code>ingest</code> in the server's configuration names sources.
    </div>
  );
}

type Order = "run" | "refresh" | "verify";

function StreamCard({
  space,
  of,
  onRuns,
  changed,
}: {
  readonly space: string;
  readonly of: Stream;
  onRuns(): void;
  changed(): void;
}) {
  const { stream, collection, every, due, state, last, quarantine } = of;
  const [busy, setBusy] = useState<Order | null>(null);
  const [told, setTold] = useState<RunLine | AskError | null>(null);
  const inQuarantine = Object.values(quarantine).reduce((sum, each) => sum + each, 0);
  const order = async (what: Order, accept = false) => {
    setBusy(what);
    setTold(null);
    const path = inSpace(space, `/ingest/streams/${encodeURIComponent(stream)}`);
    try {
      await follow(path, runLine, { do: what, ...(accept && { accept }) }, setTold);
    } catch (error) {
      setTold(asError(error));
    } finally {
      setBusy(null);
      changed();
    }
  };
  return (
    <>
      <header>
        <h2>{stream}</h2>
        {last !== null && <Badge tone={RUN_TONES[last.status] ?? "soft"}>{last.status}</Badge>}
        <small>{last === null ? "never ran" : <When at={iso(last.ended ?? last.started)} />}</small>
      </header>
      {last?.reasons.map((reason) => (
        <p key={reason} className="cause">
          {reason}
        </p>
      ))}
      <Facts
        of={[
          [
            "Fills",
            <a key="fills" href={hrefOf(space, "records", [], { collection })}>
              {collection}
            </a>,
          ],
          [
            "Runs",
            typeof every === "string"
              ? `every ${every}`
              : every === null
                ? "when it is asked for"
                : [every.cron, every.timeZone].join(" "),
          ],
          ["Next", due === null ? "–" : exact(iso(due))],
          ["Source records", count(state.rows)],
          [
            "Last run",
            last === null
              ? "–"
              : `${counted(last.read, "record")} read, ${count(last.added)} new, ${count(last.changed)} changed, ${count(last.deleted)} deleted`,
          ],
          [
            "In quarantine",
            inQuarantine === 0 ? (
              "nothing"
            ) : (
              <a key="quarantine" href={hrefOf(space, "quarantine", [], { stream })}>
                {Object.entries(quarantine)
                  .map(([code, items]) => `${count(items)} ${code}`)
                  .join(", ")}
              </a>
            ),
          ],
        ]}
      />
      <div className="actions">
        {(["run", "refresh", "verify"] as const).map((what) => (
          <button key={what} type="button" disabled={busy !== null} onClick={() => void order(what)}>
            {busy === what ? "…" : { run: "Run now", refresh: "Read all", verify: "Verify" }[what]}
            <span className="unseen"> {stream}</span>
          </button>
        ))}
        {last?.status === "held" && (
          <button type="button" disabled={busy !== null} onClick={() => void order("run", true)}>
            Take what is held
          </button>
        )}
        <button type="button" onClick={onRuns}>
          Runs<span className="unseen"> of {stream}</span>
        </button>
      </div>
      <div role="status">{told !== null && <Told of={told} />}</div>
    </>
  );
}

function Told({ of }: { readonly of: RunLine | AskError }) {
  if (of instanceof Error) return <Failed error={of} />;
  if (of.problem !== undefined) return <Failed error={new AskError(of.problem.code, of.problem.detail)} />;
  if (of.run !== undefined)
    return (
      <p>
        {of.run.status}: {counted(of.run.read, "record")} read, {count(of.run.added)} new, {count(of.run.rejected)} to
        quarantine.
      </p>
    );
  if (of.verification !== undefined) {
    const { read, same, counts, whole } = of.verification;
    const differ = Object.entries(counts).filter(([, each]) => each > 0);
    return (
      <p>
        {counted(read, "record")} read, {count(same)} as here
        {differ.length === 0
          ? ": nothing differs"
          : `; ${differ.map(([kind, each]) => `${count(each)} ${kind}`).join(", ")}`}
        .{!whole && " The source cannot be read whole, so that what is gone from it is not known."}
      </p>
    );
  }
  return (
    <p>
      {of.phase ?? "working"}: {counted(of.read ?? 0, "record")} …
    </p>
  );
}
