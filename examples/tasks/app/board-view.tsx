import { count, eq, useLiveQuery } from "@tanstack/react-db";
import { useMemo, useState } from "react";
import { STATUSES, type Status, type Task } from "../collections.ts";
import { useAnnounce } from "./announce.tsx";
import type { Board } from "./board.ts";
import { Column } from "./column.tsx";
import { Detail } from "./detail.tsx";
import { useDrag } from "./drag.ts";
import { Tools, type View } from "./tools.tsx";
import { COLUMNS } from "./words.ts";

export function BoardView({ board, project }: { board: Board; project: string }) {
  const [open, setOpen] = useState<string | null>(null);
  const [view, setView] = useState<View>({ text: "", mine: false });
  const announce = useAnnounce();
  const { data: tasks, isReady } = useLiveQuery(
    (q) =>
      q
        .from({ task: board.tasks })
        .where(({ task }) => eq(task.projectId, project))
        .orderBy(({ task }) => task.order),
    [board, project],
  );
  const { data: counts } = useLiveQuery(
    (q) =>
      q
        .from({ comment: board.comments })
        .groupBy(({ comment }) => comment.taskId)
        .select(({ comment }) => ({ taskId: comment.taskId, comments: count(comment.id) })),
    [board],
  );
  const comments = useMemo(() => new Map(counts.map((each) => [each.taskId, each.comments])), [counts]);
  const shown = useMemo(() => tasks.filter((task) => matches(task, view, board.me.id)), [tasks, view, board]);

  /** Moves a task, and says where it is now. */
  const move = (id: string, status: Status, index: number) => {
    board.move(id, status, index);
    const column = board.column(project, status);
    const place = column.findIndex((task) => task.id === id) + 1;
    announce(`${column[place - 1]?.title ?? "The task"}: ${COLUMNS[status]}, ${place} of ${column.length}`);
  };
  /** A place among the cards that are shown is one among all. */
  const drop = (id: string, { status, index }: { status: Status; index: number }) => {
    const before = shown.filter((task) => task.status === status && task.id !== id)[index];
    const all = board.column(project, status).filter((task) => task.id !== id);
    move(id, status, before === undefined ? all.length : all.findIndex((task) => task.id === before.id));
  };
  const { drag, start } = useDrag(drop);
  const task = tasks.find(({ id }) => id === open);

  return (
    <>
      <Tools view={view} change={setView} shown={shown.length} all={tasks.length} />
      <p className="unseen" id="how-to-move">
        Arrow keys move the task: left and right between columns, up and down within one.
      </p>
      <div className="columns" aria-busy={!isReady}>
        {STATUSES.map((status) => (
          <Column
            key={status}
            status={status}
            tasks={shown.filter((each) => each.status === status)}
            ready={isReady}
            comments={comments}
            board={board}
            drag={drag}
            start={start}
            move={move}
            open={setOpen}
            add={(title) => board.add({ projectId: project, status, title })}
          />
        ))}
      </div>
      {task !== undefined && <Detail key={task.id} board={board} task={task} close={() => setOpen(null)} />}
    </>
  );
}

function matches(task: Task, { text, mine }: View, me: string): boolean {
  if (mine && task.assignee !== me) return false;
  return `${task.title} ${task.description ?? ""}`.toLowerCase().includes(text.trim().toLowerCase());
}
