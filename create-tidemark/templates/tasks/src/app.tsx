import { type FormEvent, useState } from "react";
import { useMutate, useQuery, useStatus } from "./tidemark.ts";

export function App() {
  const { records, ready } = useQuery({ collection: "tasks", orderBy: ["done", "made"] });
  const { state, pending } = useStatus();
  const mutate = useMutate();
  const [title, setTitle] = useState("");

  const add = (event: FormEvent) => {
    event.preventDefault();
    if (title.trim() === "") return;
    const task = { id: crypto.randomUUID(), title: title.trim(), done: false, made: Date.now() };
    mutate((tx) => tx.insert("tasks", task));
    setTitle("");
  };

  return (
    <main>
      <h1>Tasks</h1>
      <p role="status">
        {state === "upToDate" ? "Up to date" : state}
        {pending > 0 && `, ${pending} waiting`}
      </p>
      <form onSubmit={add}>
        <input aria-label="New task" maxLength={200} value={title} onChange={({ target }) => setTitle(target.value)} />
        <button type="submit">Add</button>
      </form>
      {!ready && records.length === 0 && <p>Loading …</p>}
      {ready && records.length === 0 && <p>Nothing to do yet.</p>}
      <ul>
        {records.map(({ id, title, done }) => (
          <li key={id}>
            <label>
              <input
                type="checkbox"
                checked={done}
                onChange={() => mutate((tx) => tx.update("tasks", id, { done: !done }))}
              />
              <span>{title}</span>
            </label>
            <button type="button" aria-label={`Delete ${title}`} onClick={() => mutate((tx) => tx.delete("tasks", id))}>
              ×
            </button>
          </li>
        ))}
      </ul>
    </main>
  );
}
