import { useId, useSyncExternalStore } from "react";
import { TEAM } from "../team.ts";
import type { Board } from "./board.ts";
import { Face } from "./face.tsx";
import { useQuery } from "./hooks.ts";
import { session } from "./session.ts";
import { StatusLine } from "./status-line.tsx";

interface Props {
  readonly board: Board;
  readonly project: string;
  readonly choose: (id: string) => void;
}

export function Header({ board, project, choose }: Props) {
  const { records: projects, ready } = useQuery({ collection: "projects", orderBy: "order" });
  return (
    <header className="top">
      <div className="bar">
        <h1>
          <img src="/icon.svg" alt="" width="28" height="28" />
          <span>Tasks</span>
        </h1>
        <nav aria-label="Projects">
          {projects.map(({ id, name }) => (
            <button
              type="button"
              key={id}
              className="tab"
              aria-current={id === project ? "page" : undefined}
              onClick={() => choose(id)}
            >
              {name}
            </button>
          ))}
          {!ready && projects.length === 0 && <span className="tab ghost" />}
        </nav>
        <PersonSwitch board={board} />
      </div>
      <div className="bar second">
        <StatusLine network={board.network} />
        <OfflineSwitch board={board} />
      </div>
    </header>
  );
}

function PersonSwitch({ board }: { board: Board }) {
  const id = useId();
  return (
    <div className="person">
      <Face person={board.me.id} />
      <label className="unseen" htmlFor={id}>
        Who am I
      </label>
      <select id={id} value={board.me.id} onChange={(event) => void session.become(event.target.value)}>
        {TEAM.map((member) => (
          <option key={member.id} value={member.id}>
            {member.name}
          </option>
        ))}
      </select>
    </div>
  );
}

function OfflineSwitch({ board: { network } }: { board: Board }) {
  const off = useSyncExternalStore(network.subscribe, network.snapshot);
  return (
    <label className="switch">
      <input type="checkbox" role="switch" checked={off} onChange={(event) => network.switch(event.target.checked)} />
      <span className="track" aria-hidden="true" />
      Offline
    </label>
  );
}
