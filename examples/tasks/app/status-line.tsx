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
      </p>
    </div>
  );
}

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
