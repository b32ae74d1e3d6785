import { useId } from "react";

/** Which tasks are shown. */
export interface View {
  readonly text: string;
  readonly mine: boolean;
}

interface Props {
  readonly view: View;
  readonly change: (view: View) => void;
  readonly shown: number;
  readonly all: number;
}

export function Tools({ view, change, shown, all }: Props) {
  const id = useId();
  return (
    <search className="tools">
      <label className="unseen" htmlFor={id}>
        Find tasks
      </label>
      <input
        id={id}
        type="search"
        placeholder="Find tasks"
        value={view.text}
        onChange={(event) => change({ ...view, text: event.target.value })}
      />
      <button
        type="button"
        className="chip"
        aria-pressed={view.mine}
        onClick={() => change({ ...view, mine: !view.mine })}
      >
        Only mine
      </button>
      <span className="found" role="status">
        {shown === all ? "" : `${shown} of ${all} tasks`}
      </span>
    </search>
  );
}
