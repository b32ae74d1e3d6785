import { useState } from "react";
import type { Customer } from "../collections.ts";
import { ask, type Question, useAsked } from "./api.ts";
import { Panel } from "./panel.tsx";
import { nameOf, systemOf } from "./words.ts";

const PATH = "/ingest/duplicates/customers";

interface Props {
  readonly customers: readonly Customer[];
  readonly open: (id: string) => void;
}

/** Pairs that may be one person: somebody has to say. */
export function Decide({ customers, open }: Props) {
  const { answer, refresh } = useAsked<{ pairs: readonly Question[] }>(PATH, customers);
  const [failure, setFailure] = useState<string | null>(null);
  const merge = (ids: readonly string[]) =>
    ask(PATH, { do: "merge", ids }).then(
      () => {
        setFailure(null);
        refresh();
      },
      (error: Error) => setFailure(error.message),
    );
  const byId = new Map(customers.map((each) => [each.id, each]));
  const pairs = answer?.pairs ?? [];
  return (
    <Panel
      name="Duplicates"
      title={pairs.length === 0 ? "The same person?" : `The same person? ${pairs.length} to decide`}
    >
      {failure !== null && <p className="bad small">{failure}</p>}
      {answer !== null && pairs.length === 0 && <p className="soft small">Nothing to decide.</p>}
      <ul className="pairs">
        {pairs.map(({ a, b, entities, evidence }) => (
          <li key={`${a} ${b}`}>
            {entities.map((id, i) => (
              <button type="button" className="plain" key={id} onClick={() => open(id)}>
                {nameOf(byId.get(id) ?? ({ id } as Customer))}{" "}
                <span className="soft small">{systemOf(i === 0 ? a : b)}</span>
              </button>
            ))}
            <p className="soft small">
              {evidence.map(({ field, similarity }) => `${field} ${Math.round(similarity * 100)} %`).join(", ")}
            </p>
            <button type="button" onClick={() => merge(entities)}>
              One person
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
