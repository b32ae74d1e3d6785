import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import { STATUSES, type Status, type Task } from "../collections.ts";
import type { Board } from "./board.ts";
import { Face } from "./face.tsx";
import { COLUMNS, day, nameOf, today } from "./words.ts";

interface Props {
  readonly task: Task;
  readonly comments: number;
  readonly dragged: boolean;
  /** The dragged card would fall before this one. */
  readonly marked: boolean;
  readonly board: Board;
  readonly start: (event: PointerEvent<HTMLElement>, id: string) => void;
  readonly move: (id: string, status: Status, index: number) => void;
  readonly open: (id: string) => void;
}

/** The card whose handle moved by a key, so that it keeps the focus in its new column. */
let moved: string | null = null;

export function Card({ task, comments, dragged, marked, board, start, move, open }: Props) {
  const [editing, setEditing] = useState(false);
  const grip = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (moved !== task.id) return;
    moved = null;
    grip.current?.focus();
    grip.current?.closest("li")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  const keys = (event: KeyboardEvent) => {
    const place = placeAfter(event.key, task, board);
    if (place === null) return;
    event.preventDefault();
    moved = task.id;
    move(task.id, place.status, place.index);
  };
  return (
    <li
      className="card"
      data-task={task.id}
      data-dragged={dragged}
      data-marked={marked}
      data-priority={task.priority}
      onPointerDown={(event) => start(event, task.id)}
    >
      <div className="title">
        {editing ? (
          <TitleInput task={task} board={board} close={() => setEditing(false)} />
        ) : (
          <>
            <button type="button" className="open" onClick={() => open(task.id)}>
              {task.title}
            </button>
            <button
              type="button"
              className="plain pencil"
              aria-label={`Rename ${task.title}`}
              onClick={() => setEditing(true)}
            >
              <svg viewBox="0 0 16 16" aria-hidden="true">
                <path d="m3 13 .6-2.8L11 2.8a1.4 1.4 0 0 1 2 2L5.7 12.3z" />
              </svg>
            </button>
          </>
        )}
      </div>
      <div className="facts">
        <button
          type="button"
          className="plain grip"
          ref={grip}
          aria-label={`Move ${task.title}, in ${COLUMNS[task.status]}`}
          aria-describedby="how-to-move"
          onKeyDown={keys}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true" className="dots">
            <circle cx="6" cy="4" r="1.2" />
            <circle cx="10" cy="4" r="1.2" />
            <circle cx="6" cy="8" r="1.2" />
            <circle cx="10" cy="8" r="1.2" />
            <circle cx="6" cy="12" r="1.2" />
            <circle cx="10" cy="12" r="1.2" />
          </svg>
        </button>
        {task.priority === "high" && <span className="badge high">High</span>}
        {task.priority === "low" && <span className="badge">Low</span>}
        {task.due !== undefined && (
          <span className="badge due" data-late={task.due < today() && task.status !== "done"}>
            <span className="unseen">{task.due < today() && task.status !== "done" ? "Overdue since " : "Due "}</span>
            {day(task.due)}
          </span>
        )}
        {comments > 0 && (
          <span className="talk">
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="M2.5 3.5h11v7h-6l-3 2.5v-2.5h-2z" />
            </svg>
            {comments}
            <span className="unseen">{comments === 1 ? " comment" : " comments"}</span>
          </span>
        )}
        {task.assignee !== undefined && (
          <span className="who">
            <span className="unseen">Assigned to {nameOf(task.assignee)}</span>
            <Face person={task.assignee} title={nameOf(task.assignee)} />
          </span>
        )}
      </div>
    </li>
  );
}

function placeAfter(key: string, { id, projectId, status }: Task, board: Board) {
  const at = STATUSES.indexOf(status);
  const column = board.column(projectId, status);
  const index = column.findIndex((task) => task.id === id);
  const beside = (other: Status | undefined) =>
    other === undefined ? null : { status: other, index: Math.min(index, board.column(projectId, other).length) };
  switch (key) {
    case "ArrowLeft":
      return beside(STATUSES[at - 1]);
    case "ArrowRight":
      return beside(STATUSES[at + 1]);
    case "ArrowUp":
      return index > 0 ? { status, index: index - 1 } : null;
    case "ArrowDown":
      return index < column.length - 1 ? { status, index: index + 1 } : null;
    default:
      return null;
  }
}

function TitleInput({ task, board, close }: { task: Task; board: Board; close: () => void }) {
  const [title, setTitle] = useState(task.title);
  const save = () => {
    const wanted = title.trim();
    if (wanted !== "" && wanted !== task.title) board.edit(task.id, { title: wanted });
    close();
  };
  return (
    <input
      className="edit"
      autoFocus
      aria-label="Title"
      maxLength={200}
      value={title}
      onFocus={(event) => event.target.select()}
      onChange={(event) => setTitle(event.target.value)}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.key === "Enter") save();
        if (event.key === "Escape") close();
      }}
    />
  );
}
