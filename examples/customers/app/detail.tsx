import { useEffect, useRef } from "react";
import type { Customer } from "../collections.ts";
import { useAsked, type ValueOrigin } from "./api.ts";
import { ATOMS, nameOf, shown, systemOf } from "./words.ts";

/** One customer, and of each value where it came from (I9). */
export function Detail({ customer, close }: { customer: Customer; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { answer } = useAsked<{ values: readonly ValueOrigin[] }>(
    `/ingest/lineage/customers/${encodeURIComponent(customer.id)}`,
    customer,
  );
  const origins = new Map(answer?.values.map((each) => [each.atom, each]));
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="who">
      <div className="head">
        <h2 id="who">{nameOf(customer)}</h2>
        <button type="button" onClick={close} aria-label="Close">
          ✕
        </button>
      </div>
      <table>
        <thead className="unseen">
          <tr>
            <th>What</th>
            <th>Value</th>
            <th>From</th>
          </tr>
        </thead>
        <tbody>
          {ATOMS.filter(([atom]) => customer[atom] !== undefined && customer[atom] !== null).map(([atom, label]) => (
            <tr key={atom}>
              <th scope="row">{label}</th>
              <td>{shown(customer[atom])}</td>
              <td className="soft">{fromOf(origins.get(atom))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="soft small">
        {customer.id} · known to {customer.sources?.map(systemOf).join(", ")}
      </p>
    </dialog>
  );
}

function fromOf(origin: ValueOrigin | undefined): string {
  if (origin === undefined) return "…";
  if (origin.from === null) return "several";
  const { source, key, run } = origin.from;
  return `${systemOf(source)} ${key.at(-1)}, run ${run}`;
}
