import { useSyncExternalStore } from "react";
import type { Notes } from "./notes.ts";

export function NoteList({ notes }: { notes: Notes }) {
  const list = useSyncExternalStore(notes.subscribe, notes.snapshot);
  return (
    <aside className="notes" aria-label="What became of your edits" aria-live="polite">
      {list.map(({ id, text, lines }) => (
        <div className="note" key={id}>
          <div>
            <p>{text}</p>
            {lines.length > 0 && (
              <ul>
                {lines.map(({ field, mine, theirs }) => (
                  <li key={field}>
                    <span className="field">{field}</span> <ins>{theirs}</ins>{" "}
                    <span className="was">yours was {mine}</span>
                  </li>
                ))}
              </ul>
            )}
          </div>
          <button type="button" className="plain" aria-label="Dismiss this note" onClick={() => notes.dismiss(id)}>
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="m4 4 8 8m0-8-8 8" />
            </svg>
          </button>
        </div>
      ))}
    </aside>
  );
}
