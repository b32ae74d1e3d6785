import {
  createElement as h,
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useId,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { Client, Events, Inspection, StateName } from "../../client/index.ts";
import { useClient, useStatus } from "../hooks.ts";
import { clock, findings, numbers, Outcomes, Pending, Subscriptions } from "./lists.ts";
import type { NetworkSwitch } from "./network.ts";
import { adoptStyle } from "./style.ts";

export interface PanelProps {
  /** What the client was given as its network; without it the panel has no offline switch. */
  readonly network?: Pick<NetworkSwitch, "subscribe" | "snapshot" | "switch">;
  /** Whether it is open at first; by default it is a button. */
  readonly open?: boolean;
}

const STATES: { readonly [state in StateName]: string } = {
  connecting: "Connecting",
  upToDate: "Up to date",
  behind: "Catching up",
  repairing: "Repairing",
  offline: "Offline",
  unauthorised: "Unauthorised",
  "upgrade-required": "Upgrade required",
  "other-principal": "Another principal's store",
  failed: "Failed",
  stopped: "Stopped",
};

/** After which of a client's events what `inspect` tells may be another. */
const CHANGING: readonly (keyof Events)[] = [
  "status",
  "change",
  "superseded",
  "rejected",
  "unknown",
  "recovered",
  "revoked",
];

/**
 * A drawer at the bottom right, below a TidemarkProvider: status, pending mutations, subscriptions, last outcomes, an offline
 * switch and *verify*. For development; its texts are English.
 *
 * @example
 * const network = networkSwitch();
 * const client = createClient({ url, space, fetch: network.fetch, WebSocket: network.WebSocket });
 * root.render(<TidemarkProvider client={client}><App /><TidemarkPanel network={network} /></TidemarkProvider>);
 */
export function TidemarkPanel({ network, open: atFirst = false }: PanelProps): ReactNode {
  const [open, setOpen] = useState(atFirst);
  const { state, pending } = useStatus();
  const id = useId();
  const handle = useRef<HTMLButtonElement>(null);
  useEffect(adoptStyle, []);
  const close = () => {
    setOpen(false);
    handle.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    close();
  };
  return h(
    "aside",
    { className: "tidemark-panel", "aria-label": "Tidemark", onKeyDown },
    open ? h(Drawer, { id, close, ...(network && { network }) }) : null,
    h(
      "button",
      {
        ref: handle,
        type: "button",
        className: "tm-handle",
        "data-state": state,
        "aria-expanded": open,
        "aria-controls": open ? id : undefined,
        onClick: () => setOpen(!open),
      },
      h("span", { className: "tm-dot", "aria-hidden": true }),
      `Tidemark: ${STATES[state]}${pending > 0 ? `, ${numbers(pending)} pending` : ""}`,
    ),
  );
}

type DrawerProps = Pick<PanelProps, "network"> & { readonly id: string; readonly close: () => void };

function Drawer({ id, close, network }: DrawerProps): ReactNode {
  const client = useClient();
  const status = useStatus();
  const { inspection, error } = useInspection(client);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return h(
    "section",
    { id, className: "tm-drawer", "aria-label": "What the client holds", "data-state": status.state },
    h(
      "div",
      { className: "tm-top" },
      h("h2", { ref: heading, tabIndex: -1 }, "Tidemark"),
      h("button", { type: "button", onClick: close }, "Close"),
    ),
    h(
      "dl",
      null,
      h("dt", null, "Status"),
      h("dd", null, h("span", { role: "status" }, STATES[status.state]), status.cause && ` (${status.cause})`),
      h("dt", null, "Tidemark"),
      h("dd", null, `revision ${numbers(status.revision)}`),
      h("dt", null, "Complete as of"),
      h("dd", null, status.asOf === null ? "never yet" : clock(status.asOf)),
    ),
    h(Actions, { client, ...(network && { network }) }),
    error === null ? null : h("p", { className: "tm-bad", role: "alert" }, error),
    inspection && h(Pending, { pending: inspection.pending }),
    inspection && h(Subscriptions, { subscriptions: inspection.subscriptions, status }),
    inspection && h(Outcomes, { outcomes: inspection.outcomes }),
    inspection === null && error === null ? h("p", { className: "tm-soft" }, "The store is being read …") : null,
  );
}

function Actions({ client, network }: Pick<PanelProps, "network"> & { client: Client }): ReactNode {
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState("");
  const verify = async () => {
    setBusy(true);
    setFound("Comparing with the server …");
    setFound(await client.verify().then(findings, (error: Error) => `Not verified: ${error.message}`));
    setBusy(false);
  };
  return [
    h(
      "div",
      { className: "tm-actions", key: "actions" },
      h("button", { type: "button", disabled: busy, onClick: () => void verify() }, "Verify"),
      network && h(OfflineSwitch, { client, network }),
    ),
    h("p", { className: "tm-found", role: "status", key: "found" }, found),
  ];
}

function OfflineSwitch({
  client,
  network,
}: {
  client: Client;
  network: NonNullable<PanelProps["network"]>;
}): ReactNode {
  const off = useSyncExternalStore(network.subscribe, network.snapshot);
  const turn = () => {
    network.switch(!off);
    // Whoever switches it on again wants to see it happen, and waits for no pause.
    if (off) client.sync().catch(() => {});
  };
  return h("label", null, h("input", { type: "checkbox", role: "switch", checked: off, onChange: turn }), "Offline");
}

/** What the client holds, asked for anew after each change; one question at a time. */
function useInspection(client: Client): { inspection: Inspection | null; error: string | null } {
  const [seen, setSeen] = useState<{ inspection: Inspection | null; error: string | null }>({
    inspection: null,
    error: null,
  });
  useEffect(() => {
    let stopped = false;
    let asking = false;
    let again = false;
    const look = async () => {
      again = true;
      if (asking) return;
      asking = true;
      while (again && !stopped) {
        again = false;
        const now = await client.inspect().then(
          (inspection) => ({ inspection, error: null }),
          (error: Error) => ({ inspection: null, error: error.message }),
        );
        if (!stopped) setSeen(now);
      }
      asking = false;
    };
    const offs = CHANGING.map((event) => client.on(event, () => void look()));
    void look();
    return () => {
      stopped = true;
      for (const off of offs) off();
    };
  }, [client]);
  return seen;
}
