import { useState } from "react";
import { type Item, type StreamStatus, useAsked } from "./api.ts";
import { Panel } from "./panel.tsx";
import { clock, count, systemOf } from "./words.ts";

/** What the last runs did, and what could not be taken. */
export function Intake({ changes }: { changes: unknown }) {
  const { answer } = useAsked<{ streams: readonly StreamStatus[] }>("/ingest/streams", changes);
  const [open, setOpen] = useState<string | null>(null);
  return (
    <Panel name="Runs" title="What comes in">
      <ul className="streams">
        {answer?.streams.map((each) => (
          <li key={each.stream} data-stream={each.stream}>
            <Stream
              stream={each}
              open={open === each.stream}
              toggle={() => setOpen(open === each.stream ? null : each.stream)}
            />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Stream({ stream, open, toggle }: { stream: StreamStatus; open: boolean; toggle: () => void }) {
  const { last, due } = stream;
  const aside = Object.values(stream.quarantine).reduce((sum, each) => sum + each, 0);
  return (
    <>
      <p className="line">
        <strong>{systemOf(stream.stream)}</strong>
        <span className="run" data-run={last?.status ?? "none"}>
          {last === null ? "not run yet" : last.status}
        </span>
      </p>
      {last !== null && (
        <p className="soft small">
          run {last.run} at {clock(last.started)}: {last.read} read, {last.added} new, {last.changed} changed
          {due !== null && <> · next {clock(due)}</>}
        </p>
      )}
      {last !== null && last.status !== "done" && <p className="small bad">{last.reasons.join("; ")}</p>}
      {aside > 0 && (
        <button type="button" className="aside" aria-expanded={open} onClick={toggle}>
          {count(aside, "row")} in quarantine
        </button>
      )}
      {open && <Items stream={stream.stream} />}
    </>
  );
}

function Items({ stream }: { stream: string }) {
  const { answer } = useAsked<{ items: readonly Item[] }>(
    `/ingest/streams/${encodeURIComponent(stream)}/quarantine?limit=100`,
  );
  return (
    <ul className="items">
      {answer?.items.map(({ number, message, position }) => (
        <li key={number}>
          <span>{message}</span>
          <span className="soft small">
            no. {number} · {position.replace(/^.*\/\/[^/]+\//, "")}
          </span>
        </li>
      ))}
    </ul>
  );
}
