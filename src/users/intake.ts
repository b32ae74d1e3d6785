import { type Key, keyParts, type RecordData } from "../model/record.ts";
import type { Arriving, Held, Intake } from "../server/identity.ts";
import type { LinkPlan } from "../server/links-config.ts";
import type { Directory } from "./directory.ts";
import { heldSweep } from "./guard.ts";
import { linkWriter, managerOf } from "./names.ts";

interface Parts {
  readonly directory: Directory;
  catchUp(): Promise<void>;
}

/** What a link makes of another server's users, groups, memberships and bindings (U5): its own rows, and no role unasked. */
export function systemIntake(plan: LinkPlan, parts: () => Parts): Intake {
  const manager = managerOf(plan.name);
  const roles = new Map(Object.entries(plan.accounts?.roles ?? {}));

  function kept(collection: string, record: RecordData): RecordData | null {
    const own = { ...record, managedBy: manager };
    if (collection === "users" || collection === "groups" || collection === "memberships") return own;
    const role = collection === "bindings" ? roles.get(String(record.role)) : undefined;
    return role === undefined ? null : { ...own, role };
  }

  function ends(collection: string, here: RecordData | null, after: RecordData | null): boolean {
    return collection === "users" && here?.active === true && here.managedBy === manager && after?.active !== true;
  }

  async function held(changes: readonly Arriving[]): Promise<Held | null> {
    const { directory, catchUp } = parts();
    await catchUp();
    const ending = changes.flatMap(({ key, after }): Key[] => {
      const { collection, id } = keyParts(key);
      return ends(collection, directory.get(collection, id), after) ? [key] : [];
    });
    const managed = [...directory.users.values()].filter((user) => user.active && user.managedBy === manager);
    const reason = heldSweep({ active: managed.length, ending: ending.length });
    return reason === null ? null : { keys: new Set(ending), reason };
  }

  return { user: linkWriter(roles.values()), kept, barred: barredBy(manager), ends, held };
}

/** Password verifiers, which a link carries where both ends say so (U2). */
export function credentialsIntake({ name }: LinkPlan): Intake {
  const manager = managerOf(name);
  return {
    user: linkWriter([]),
    kept: (collection, record) => (collection === "verifiers" ? { ...record, managedBy: manager } : null),
    barred: barredBy(manager),
    ends: () => false,
    held: async () => null,
  };
}

function barredBy(manager: string) {
  return (here: RecordData): string | null => {
    if (here.managedBy === manager) return null;
    return `there is such a record already, and ${here.managedBy ?? "this server"} manages it: it is left alone`;
  };
}
