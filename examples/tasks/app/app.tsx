import { lazy, Suspense, useState, useSyncExternalStore } from "react";
import { Announcer } from "./announce.tsx";
import { BoardView } from "./board-view.tsx";
import { Header } from "./header.tsx";
import { TidemarkProvider } from "./hooks.ts";
import { NoteList } from "./note-list.tsx";
import { session } from "./session.ts";

/** With `?panel` in the address, and while it is developed: what the client holds. Nobody else loads it. */
const Panel =
  import.meta.env.MODE === "development" || new URLSearchParams(location.search).has("panel") ? lazy(loadPanel) : null;

async function loadPanel() {
  const { TidemarkPanel } = await import("tidemark/react/panel");
  return { default: TidemarkPanel };
}

export function App() {
  const board = useSyncExternalStore(session.subscribe, session.board);
  const [wanted, setWanted] = useState(() => location.hash.slice(1));
  const project = board.me.projects.includes(wanted) ? wanted : (board.me.projects[0] ?? "");
  const choose = (id: string) => {
    history.replaceState(null, "", `#${id}`);
    setWanted(id);
  };
  return (
    <TidemarkProvider client={board.client} key={board.me.id}>
      <Announcer>
        <a className="skip" href="#board">
          Skip to the board
        </a>
        <Header board={board} project={project} choose={choose} />
        <main id="board" tabIndex={-1}>
          <BoardView board={board} project={project} key={project} />
        </main>
        <NoteList notes={board.notes} />
        {Panel !== null && (
          <Suspense>
            <Panel network={board.network} />
          </Suspense>
        )}
      </Announcer>
    </TidemarkProvider>
  );
}
