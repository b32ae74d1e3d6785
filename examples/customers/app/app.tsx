import { useState } from "react";
import type { Customer } from "../collections.ts";
import { Customers } from "./customers.tsx";
import { Decide } from "./decide.tsx";
import { Detail } from "./detail.tsx";
import { useQuery, useStatus } from "./hooks.ts";
import { Intake } from "./intake.tsx";
import { clock } from "./words.ts";

export function App() {
  const [open, setOpen] = useState<string | null>(null);
  const { records, ready } = useQuery({ collection: "customers", orderBy: ["family", "given"] });
  const customers = records as readonly Customer[];
  const customer = customers.find(({ id }) => id === open);
  return (
    <>
      <header>
        <h1>Customers</h1>
        <Status />
      </header>
      <main>
        <Customers customers={customers} ready={ready} open={setOpen} />
        <aside aria-label="What comes in">
          <Intake changes={customers} />
          <Decide customers={customers} open={setOpen} />
        </aside>
      </main>
      {customer !== undefined && <Detail key={customer.id} customer={customer} close={() => setOpen(null)} />}
    </>
  );
}

const STATES: { readonly [state: string]: string } = {
  connecting: "Connecting …",
  upToDate: "Up to date",
  behind: "Catching up …",
  repairing: "Repairing …",
  offline: "Offline",
};

function Status() {
  const { state, asOf } = useStatus();
  return (
    <p className="status" data-state={state} role="status">
      <span className="dot" aria-hidden="true" />
      {STATES[state] ?? "Something went wrong"}
      {asOf !== null && state !== "upToDate" && <span className="soft"> · as of {clock(asOf)}</span>}
    </p>
  );
}
