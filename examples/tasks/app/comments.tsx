import { eq, useLiveQuery } from "@tanstack/react-db";
import { useId, useState } from "react";
import type { Task } from "../collections.ts";
import type { Board } from "./board.ts";
import { Face } from "./face.tsx";
import { nameOf, when } from "./words.ts";

export function Comments({ board, task }: { board: Board; task: Task }) {
  const id = useId();
  const [text, setText] = useState("");
  const { data: comments } = useLiveQuery(
    (q) =>
      q
        .from({ comment: board.comments })
        .where(({ comment }) => eq(comment.taskId, task.id))
        .orderBy(({ comment }) => comment.at),
    [board, task.id],
  );
  const send = () => {
    if (text.trim() === "") return;
    board.comment(task, text.trim());
    setText("");
  };
  return (
    <section className="comments" aria-labelledby={id}>
      <h3 id={id}>Comments</h3>
      <ol>
        {comments.map((comment) => (
          <li key={comment.id}>
            <Face person={comment.author} />
            <div>
              <p className="by">
                <strong>{nameOf(comment.author)}</strong> <time>{when(comment.at)}</time>
              </p>
              <p>{comment.text}</p>
            </div>
          </li>
        ))}
      </ol>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <textarea
          rows={2}
          maxLength={5_000}
          aria-label="Write a comment"
          placeholder="Write a comment"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
          }}
        />
        <button type="submit" disabled={text.trim() === ""}>
          Comment
        </button>
      </form>
    </section>
  );
}
