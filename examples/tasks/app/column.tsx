import { type PointerEvent, useId, useRef, useState } from "react";
import type { Status, Task } from "../collections.ts";
import type { Board } from "./board.ts";
import { Card } from "./card.tsx";
import type { Drag } from "./drag.ts";
import { COLUMNS } from "./words.ts";

interface Props {
  readonly status: Status;
  readonly tasks: readonly Task[];
  readonly ready: boolean;
  /** How many comments each task has. */
  readonly comments: ReadonlyMap<string, number>;
  readonly board: Board;
  readonly drag: Drag | null;
  readonly start: (event: PointerEvent<HTMLElement>, id: string) => void;
  readonly move: (id: string, status: Status, index: number) => void;
  readonly open: (id: string) => void;
  readonly add: (title: string) => void;
}

export function Column({ status, tasks, ready, comments, board, drag, start, move, open, add }: Props) {
  const id = useId();
  const others = tasks.filter((task) => task.id !== drag?.id);
  /** The card before which the dragged one would fall; null: after the last. */
  const before = drag?.status === status ? (others[drag.index]?.id ?? null) : undefined;
  return (
    <section className="column" data-column={status} data-target={before !== undefined} aria-labelledby={id}>
      <h2 id={id}>
        {COLUMNS[status]} <span className="count">{tasks.length}</span>
      </h2>
      <ul>
        {tasks.map((task) => (
          <Card
            key={task.id}
            task={task}
            comments={comments.get(task.id) ?? 0}
            dragged={drag?.id === task.id}
            marked={before === task.id}
            board={board}
            start={start}
            move={move}
            open={open}
          />
        ))}
        {before === null && <li className="mark" aria-hidden="true" />}
        {!ready && tasks.length === 0 && <li className="card placeholder" aria-hidden="true" />}
        {ready && tasks.length === 0 && before === undefined && <li className="empty">Nothing here</li>}
      </ul>
      <AddTask status={status} add={add} />
    </section>
  );
}

function AddTask({ status, add }: { status: Status; add: (title: string) => void }) {
  const [title, setTitle] = useState<string | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setTitle(null);
    requestAnimationFrame(() => button.current?.focus());
  };
  if (title === null) {
    return (
      <button type="button" className="add" ref={button} onClick={() => setTitle("")}>
        <span aria-hidden="true">+</span> Add a task<span className="unseen"> to {COLUMNS[status]}</span>
      </button>
    );
  }
  return (
    <form
      className="adding edit"
      onSubmit={(event) => {
        event.preventDefault();
        if (title.trim() === "") return close();
        add(title.trim());
        setTitle("");
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
      }}
    >
      <input
        autoFocus
        aria-label={`Title of the new task in ${COLUMNS[status]}`}
        placeholder="What is to be done?"
        maxLength={200}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
      />
      <button type="submit">Add</button>
      <button type="button" className="plain" onClick={close}>
        Close
      </button>
    </form>
  );
}
