import { useEffect, useId, useRef } from "react";
import { PRIORITIES, type Priority, STATUSES, type Status, type Task } from "../collections.ts";
import { TEAM } from "../team.ts";
import type { Board } from "./board.ts";
import { Comments } from "./comments.tsx";
import { DateField, TextField } from "./field.tsx";
import { History } from "./history.tsx";
import { COLUMNS, PRIORITY } from "./words.ts";

/** A task with all that belongs to it. The browser's dialog keeps the focus, and gives it back. */
export function Detail({ board, task, close }: { board: Board; task: Task; close: () => void }) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const closer = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element?.open === false) element.showModal();
    // Not the title, which would bring up a phone's keyboard.
    closer.current?.focus();
  }, []);
  const edit = (atoms: Partial<Task>) => board.edit(task.id, atoms);
  return (
    <dialog
      ref={dialog}
      className="detail"
      aria-labelledby={`${id}-title`}
      onClose={close}
      onClick={(event) => {
        if (event.target === event.currentTarget) close();
      }}
    >
      <div className="sheet">
        <div className="head">
          <h2 id={`${id}-title`} className="unseen">
            {task.title}
          </h2>
          <TextField label="Title" hideLabel value={task.title} required save={(title) => edit({ title })} />
          <button type="button" className="plain" ref={closer} aria-label="Close" onClick={close}>
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="m4 4 8 8m0-8-8 8" />
            </svg>
          </button>
        </div>
        <div className="grid">
          <label>
            Column
            <select
              value={task.status}
              onChange={(event) => {
                const status = event.target.value as Status;
                board.move(task.id, status, board.column(task.projectId, status).length);
              }}
            >
              {STATUSES.map((status) => (
                <option key={status} value={status}>
                  {COLUMNS[status]}
                </option>
              ))}
            </select>
          </label>
          <label>
            Assignee
            <select
              value={task.assignee ?? ""}
              onChange={(event) => edit({ assignee: event.target.value || undefined })}
            >
              <option value="">Nobody</option>
              {TEAM.filter(({ projects }) => projects.includes(task.projectId)).map((member) => (
                <option key={member.id} value={member.id}>
                  {member.name}
                </option>
              ))}
            </select>
          </label>
          <label>
            Priority
            <select value={task.priority} onChange={(event) => edit({ priority: event.target.value as Priority })}>
              {PRIORITIES.map((priority) => (
                <option key={priority} value={priority}>
                  {PRIORITY[priority]}
                </option>
              ))}
            </select>
          </label>
          <DateField label="Due" value={task.due} save={(due) => edit({ due })} />
        </div>
        <TextField
          label="Description"
          long
          value={task.description ?? ""}
          save={(description) => edit({ description: description === "" ? undefined : description })}
        />
        <Comments board={board} task={task} />
        <History board={board} task={task} />
        <div className="end">
          <button
            type="button"
            className="danger"
            onClick={() => {
              board.remove(task.id);
              close();
            }}
          >
            Delete the task
          </button>
        </div>
      </div>
    </dialog>
  );
}
