import { useSyncExternalStore } from "react";
import type { Status } from "tidemark/client";
import { useStatus } from "./hooks.ts";
import type { Network } from "./network.ts";
import { clock } from "./words.ts";

/** What the client can honestly say of itself (C2): nothing is called up to date that is not. */
export function StatusLine({ network }: { network: Network }) {
  const status = useStatus();
  const off = useSyncExternalStore(network.subscribe, network.snapshot);
  const { state, asOf, pending } = status;
  return (
    <div className="status" data-state={state}>
      <span className="dot" aria-hidden="true" />
      <p>
        <span role="status">
          <strong>{stateText(state)}</strong>
          {state !== "upToDate" && <span className="why"> {why(status, off)}</span>}
          {pending > 0 && <span className="waiting">{waiting(pending)}</span>}
        </span>
        {asOf !== null && (
          <span className="as-of">
            {state === "upToDate" ? "as of " : "last known state of "}
            <time dateTime={new Date(asOf).toISOString()}>{clock(asOf)}</time>
          </span>
        )}
        <Copying copies={status.copies} />
      </p>
    </div>
  );
}

/** How far a first load has come. One that takes no longer than a moment shows nothing. */
function Copying({ copies }: Pick<Status, "copies">) {
  const all = Object.values(copies);
  if (all.length === 0) return null;
  const done = all.reduce((sum, each) => sum + each.done, 0);
  // A pattern has no total: the server would have to count. Then the bar only says that it goes on.
  const known = all.every(({ total }) => total !== null);
  const total = all.reduce((sum, each) => sum + (each.total ?? 0), 0);
  return (
    <span className="copying">
      <progress aria-label="First load" {...(known && { max: total, value: done })} />
      {known ? `${count(done)} of ${count(total)} records` : `${count(done)} records so far`}
    </span>
  );
}

const count = (records: number) => records.toLocaleString();

function stateText(state: Status["state"]): string {
  switch (state) {
    case "connecting":
      return "Connecting …";
    case "upToDate":
      return "Up to date";
    case "behind":
      return "Catching up …";
    case "repairing":
      return "Repairing …";
    case "offline":
      return "Offline";
    case "unauthorised":
      return "Not allowed";
    case "upgrade-required":
      return "Reload needed";
    case "other-principal":
      return "Somebody else’s data";
    case "failed":
      return "Something went wrong";
    case "stopped":
      return "Closed";
  }
}

function why({ state, cause }: Status, off: boolean): string {
  if (state === "offline" && off) return "by the switch";
  return cause ?? "";
}

function waiting(pending: number): string {
  return pending === 1 ? "1 change waiting" : `${pending} changes waiting`;
}
