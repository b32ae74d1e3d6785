import { useEffect, useId, useState } from "react";
import type { Task } from "../collections.ts";
import type { Board } from "./board.ts";
import { useStatus } from "./hooks.ts";
import { FIELDS, nameOf, shownValue, when } from "./words.ts";

interface Version {
  readonly revision: number;
  readonly at: string;
  readonly author: { readonly user: string };
  readonly before: { readonly [atom: string]: unknown } | null;
  readonly after: { readonly [atom: string]: unknown } | null;
}

type Answer = { readonly versions: readonly Version[] } | { readonly why: string };

/** Who changed which field when. It is kept in the server's journal, so it has to be asked for, and may be refused. */
export function History({ board, task }: { board: Board; task: Task }) {
  const id = useId();
  const [answer, setAnswer] = useState<Answer | null>(null);
  const { revision, state } = useStatus();
  const offline = state === "offline";
  useEffect(() => {
    const stop = new AbortController();
    ask(board, task.id, stop.signal).then(setAnswer, () => {});
    return () => stop.abort();
    // A new revision may be one of this task; going on- or offline changes what can be asked.
  }, [board, task.id, revision, offline]);
  return (
    <section className="history" aria-labelledby={id}>
      <h3 id={id}>History</h3>
      {answer === null && <p className="quiet">Asking the server …</p>}
      {answer !== null && "why" in answer && <p className="quiet">{answer.why}</p>}
      {answer !== null && "versions" in answer && (
        <ol>
          {answer.versions.map((version) => (
            <li key={version.revision}>
              <p className="by">
                <strong>{nameOf(version.author.user)}</strong> <time dateTime={version.at}>{when(version.at)}</time>
              </p>
              <Changes version={version} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function Changes({ version: { before, after } }: { version: Version }) {
  if (before === null) return <p>created the task</p>;
  if (after === null) return <p>deleted the task</p>;
  const atoms = Object.keys(after).filter((atom) => atom in FIELDS);
  const told = atoms.length > 1 ? atoms.filter((atom) => atom !== "order") : atoms;
  return (
    <ul>
      {told.map((atom) => (
        <li key={atom}>
          <span className="field">{FIELDS[atom]}</span>{" "}
          {atom === "order" ? (
            "moved within the column"
          ) : (
            <>
              <del>{shownValue(atom, before[atom])}</del> <span aria-hidden="true">→</span>
              <span className="unseen"> became </span> <ins>{shownValue(atom, after[atom])}</ins>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

async function ask({ me, network }: Board, id: string, signal: AbortSignal): Promise<Answer> {
  try {
    const response = await network.fetch(`/v1/spaces/tasks/history/tasks/${encodeURIComponent(id)}?limit=50`, {
      headers: { authorization: `Bearer ${me.id}` },
      signal,
    });
    if (response.ok) return (await response.json()) as Answer;
    if (response.status === 403) return { why: `${me.name} may not read the history: it is for administrators.` };
    if (response.status === 404) return { why: "The server does not know this task yet." };
    return { why: `The server answers ${response.status}.` };
  } catch {
    if (signal.aborted) throw new DOMException("aborted", "AbortError");
    return { why: "The history is kept on the server, and can be read when it is reached again." };
  }
}
