import { useState } from "react";
import { head, outcomes } from "../../api.ts";
import { type AskError, ask, inSpace } from "../../ask.ts";
import { type Column, Grid } from "../../parts/grid.tsx";
import { asError, useLoad } from "../../parts/load.ts";
import { Search } from "../../parts/search.tsx";
import { Sheet } from "../../parts/sheet.tsx";
import { Badge, Facts, Failed, Shown, View } from "../../parts/states.tsx";
import { count, counted } from "../../parts/words.ts";
import { hrefOf } from "../../route.ts";
import { type People, type Person, people } from "./people.ts";

const COLUMNS: readonly Column<Person>[] = [
  { head: "Name", width: "minmax(8rem, 1.5fr)", cell: ({ user }) => user.userName },
  { head: "Shown as", width: "minmax(8rem, 1.5fr)", wide: true, cell: ({ user }) => user.displayName ?? "–" },
  { head: "State", width: "7rem", cell: ({ user }) => <Active of={user.active} /> },
  { head: "Roles", width: "minmax(8rem, 2fr)", cell: ({ roles }) => roles.map(({ role }) => role).join(", ") || "–" },
  { head: "Groups", width: "minmax(8rem, 1.5fr)", wide: true, cell: ({ groups }) => groups.join(", ") || "–" },
  { head: "Managed by", width: "8rem", wide: true, cell: ({ user }) => user.managedBy ?? "–" },
];

/** Who may come in, and what for. They are records of the space `system`, with a journal like all others. */
export function Users() {
  const loaded = useLoad("users", people, 15_000);
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<string | null>(null);
  if (loaded.error?.code === "unknown-space")
    return (
      <View title="Users" about="The accounts of this server.">
        <div className="empty">
          This server keeps no accounts: `users: true` in its configuration, or `tidemark serve --users`, makes it keep
          them.
        </div>
      </View>
    );
  return (
    <View
      title="Users"
      about="The accounts of this server, the same for all of its spaces."
      tools={<Search label="Search the users" value={search} onSearch={setSearch} />}
    >
      <Shown of={loaded}>
        {(data) => {
          const shown = found(data, search.toLowerCase());
          const person = data.list.find(({ user }) => user.id === open);
          return (
            <>
              <Grid
                label="Users"
                columns={COLUMNS}
                rows={shown}
                keyOf={({ user }) => user.id}
                onOpen={({ user }) => setOpen(user.id)}
                empty={search === "" ? "There is no user yet." : `Nobody with “${search}”.`}
                foot={`${counted(shown.length, "user")}${data.more ? `, of the first ${count(data.list.length)}` : ""}`}
              />
              {person && <UserSheet of={person} changed={loaded.reload} onClose={() => setOpen(null)} />}
            </>
          );
        }}
      </Shown>
    </View>
  );
}

function found({ list }: People, search: string): readonly Person[] {
  if (search === "") return list;
  return list.filter(({ user, groups, roles }) =>
    [user.userName, user.displayName ?? "", user.id, ...groups, ...roles.map(({ role }) => role)].some((text) =>
      text.toLowerCase().includes(search),
    ),
  );
}

function Active({ of }: { readonly of: boolean }) {
  return of ? <Badge tone="good">active</Badge> : <Badge tone="soft">deactivated</Badge>;
}

function UserSheet({
  of: { user, groups, roles },
  changed,
  onClose,
}: {
  readonly of: Person;
  changed(): void;
  onClose(): void;
}) {
  const [sure, setSure] = useState(false);
  const [fault, setFault] = useState<AskError | null>(null);
  const [busy, setBusy] = useState(false);
  const set = async (active: boolean) => {
    setBusy(true);
    setFault(null);
    try {
      await setActive(user.id, active);
      setSure(false);
      changed();
    } catch (error) {
      setFault(asError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Sheet title={user.userName} onClose={onClose}>
      <Facts
        of={[
          ["Id", <code key="id">{user.id}</code>],
          ["Shown as", user.displayName ?? "–"],
          ["State", <Active key="state" of={user.active} />],
          ["Groups", groups.join(", ") || "–"],
          ["Managed by", user.managedBy ?? "this server"],
        ]}
      />
      <section className="change">
        <h3>Roles</h3>
        <ul className="plain-list">
          {roles.map(({ role, through, within }) => (
            <li key={`${role} ${through} ${within}`}>
              {role}
              {within !== "" && <small> within {within}</small>}
              {through !== null && <small> through {through}</small>}
            </li>
          ))}
          {roles.length === 0 && <li className="soft">None: nothing may be read or written.</li>}
        </ul>
      </section>
      <p>
        <a href={hrefOf("system", "record", ["users", user.id])}>Who changed this account, and when</a>
      </p>
      <div className="actions">
        {!user.active ? (
          <button type="button" disabled={busy} onClick={() => void set(true)}>
            Reactivate
          </button>
        ) : sure ? (
          <>
            <button type="button" className="danger" disabled={busy} onClick={() => void set(false)}>
              Deactivate {user.userName}: logins and connections end at once
            </button>
            <button type="button" onClick={() => setSure(false)}>
              Leave as it is
            </button>
          </>
        ) : (
          <button type="button" onClick={() => setSure(true)}>
            Deactivate …
          </button>
        )}
      </div>
      <div role="status">{fault !== null && <Failed error={fault} />}</div>
    </Sheet>
  );
}

/** A mutation like any other, by a client of its own. */
async function setActive(id: string, active: boolean): Promise<void> {
  const { revision } = await ask(inSpace("system", ""), head);
  const client = `console-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
  const writes = [{ op: "update", collection: "users", record: { id, active } }];
  const body = { client, mutations: [{ id: 1, base: revision, writes }] };
  const { outcomes: told } = await ask(inSpace("system", "/push"), outcomes, { body });
  const [outcome] = told;
  if (outcome?.status === "applied") return;
  throw new Error(outcome?.message ?? "Somebody else changed this account meanwhile: look again.");
}
