import { type ComponentType, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { type Spaces, spaces } from "./api.ts";
import { ask } from "./ask.ts";
import { LoginPage } from "./login.tsx";
import { useLoad } from "./parts/load.ts";
import { Away, Failed, Loading } from "./parts/states.tsx";
import { nameUsers } from "./parts/words.ts";
import { goTo, hrefOf, type Route, routeOf, useHash } from "./route.ts";
import { logOut, sessionStore } from "./session.ts";
import { Duplicates } from "./views/duplicates/duplicates.tsx";
import { Journal } from "./views/journal/journal.tsx";
import { Links } from "./views/links/links.tsx";
import { Lost } from "./views/lost/lost.tsx";
import { Now } from "./views/now/now.tsx";
import { Quarantine } from "./views/quarantine/quarantine.tsx";
import { Record } from "./views/record/record.tsx";
import { Records } from "./views/records/records.tsx";
import { Replicas } from "./views/replicas/replicas.tsx";
import { Scopes } from "./views/scopes/scopes.tsx";
import { Sources } from "./views/sources/sources.tsx";
import { Store } from "./views/store/store.tsx";
import { userNames } from "./views/users/people.ts";
import { Users } from "./views/users/users.tsx";
import { Warehouses } from "./views/warehouses/warehouses.tsx";

export interface ViewProps {
  readonly space: string;
  readonly route: Route;
  /** Whether who looks administers the whole server. */
  readonly server: boolean;
}

interface Place {
  readonly name: string;
  readonly title: string;
  readonly view: ComponentType<ViewProps>;
}

const PLACES: readonly (readonly [group: string, places: readonly Place[]])[] = [
  [
    "The data",
    [
      { name: "now", title: "Now", view: Now },
      { name: "journal", title: "Journal", view: Journal },
      { name: "records", title: "Records", view: Records },
      { name: "scopes", title: "Scopes", view: Scopes },
    ],
  ],
  [
    "Who follows",
    [
      { name: "replicas", title: "Replicas", view: Replicas },
      { name: "lost", title: "Conflicts", view: Lost },
      { name: "links", title: "Links", view: Links },
      { name: "warehouses", title: "Warehouses", view: Warehouses },
    ],
  ],
  [
    "What comes in",
    [
      { name: "sources", title: "Sources", view: Sources },
      { name: "quarantine", title: "Quarantine", view: Quarantine },
      { name: "duplicates", title: "Duplicates", view: Duplicates },
    ],
  ],
  [
    "The server",
    [
      { name: "users", title: "Users", view: Users },
      { name: "store", title: "Store", view: Store },
    ],
  ],
];

const VIEWS = new Map<string, ComponentType<ViewProps>>([
  ...PLACES.flatMap(([, places]) => places.map(({ name, view }) => [name, view] as const)),
  ["record", Record],
]);

const NOBODY: ReadonlyMap<string, string> = new Map();

export function App() {
  const { session, wanted } = useSyncExternalStore(sessionStore.subscribe, sessionStore.get);
  const known = useLoad(`spaces ${session.by}`, (signal) => ask("v1/spaces", spaces, { signal }), 15_000);
  if (wanted !== null) return <LoginPage why={wanted.why} />;
  if (known.data !== null) return <Console spaces={known.data} canLeave={session.by !== "nothing"} />;
  return (
    <main className="login">
      {known.error === null ? (
        <Loading />
      ) : (
        <div>
          <h1>Tidemark console</h1>
          <Failed error={known.error} again={known.reload} />
          {session.by !== "nothing" && (
            <button type="button" onClick={logOut}>
              Log in as somebody else
            </button>
          )}
        </div>
      )}
    </main>
  );
}

function Console({
  spaces: { spaces: list, server },
  canLeave,
}: {
  readonly spaces: Spaces;
  readonly canLeave: boolean;
}) {
  const hash = useHash();
  const route = routeOf(hash);
  const first = list.find(({ space }) => space !== "system") ?? list[0];
  const space = route.space ?? first?.space ?? null;
  const names = useLoad("names", (signal) => (server ? userNames(signal) : Promise.resolve(NOBODY)));
  nameUsers(names.data ?? NOBODY);
  const [menu, setMenu] = useState(false);
  const moved = useRef(false);
  useEffect(() => {
    setMenu(false);
    // Who came here by the menu hears where they are; at the first sight the focus stays where the browser puts it.
    if (moved.current) document.getElementById("title")?.focus();
    moved.current = true;
  }, [route.view, space]);
  const View = VIEWS.get(route.view);
  return (
    <div className="console">
      <a className="skip" href="#main" onClick={(event) => skipTo(event)}>
        To the content
      </a>
      <header className="top">
        <button type="button" className="plain menu" aria-expanded={menu} onClick={() => setMenu(!menu)}>
          Menu
        </button>
        <strong className="brand">Tidemark</strong>
        <label className="space">
          <span className="unseen">Space</span>
          <select value={space ?? ""} onChange={(event) => goTo(hrefOf(event.target.value, route.view))}>
            {space !== null && list.every((each) => each.space !== space) && <option value={space}>{space}</option>}
            {list.map((each) => (
              <option key={each.space} value={each.space}>
                {each.space}
              </option>
            ))}
          </select>
        </label>
        {canLeave && (
          <button type="button" className="plain leave" onClick={logOut}>
            Log out
          </button>
        )}
      </header>
      <nav aria-label="Views" className={menu ? "open" : undefined}>
        {PLACES.map(([group, places]) => (
          <div key={group}>
            <h2>{group}</h2>
            <ul>
              {places.map(({ name, title }) => (
                <li key={name}>
                  <a href={hrefOf(space ?? "", name)} aria-current={isAt(route.view, name) ? "page" : undefined}>
                    {title}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <main id="main" tabIndex={-1}>
        <Away />
        {space === null ? (
          <div className="empty">There is no space yet: the first push makes one.</div>
        ) : View === undefined ? (
          <div className="empty">There is no view of this name.</div>
        ) : (
          <View key={space} space={space} route={route} server={server} />
        )}
      </main>
    </div>
  );
}

function isAt(view: string, name: string): boolean {
  return view === name || (view === "record" && name === "records");
}

/** The address names the view, so that a link into the page cannot be an address. */
function skipTo(event: { preventDefault(): void }): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
