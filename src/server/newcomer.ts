import { authorOf } from "../model/record.ts";
import type { User } from "../model/schema.ts";
import type { Store } from "../store/store.ts";
import type { Limits } from "../wire/limits.ts";
import { Problem } from "../wire/problem.ts";

/** Client ids that are remembered as known; beyond it the store is asked again. */
const REMEMBERED = 100_000;

/** Bounds the client ids and the spaces that each principal may bring into being (A8). */
export class Newcomers {
  private readonly store: Store;
  private readonly limits: Pick<Limits, "clients" | "spaces">;
  private readonly known = new Set<string>();
  private creators: Map<string, string> | null = null;

  constructor(store: Store, limits: Pick<Limits, "clients" | "spaces">) {
    this.store = store;
    this.limits = limits;
  }

  /** Throws `forbidden` where the principal has enough. What is returned is to be called when the push has settled. */
  async admit(space: string, user: User, client: string): Promise<() => Promise<void>> {
    const name = `${space}\n${authorOf(user.id, client)}`;
    if (this.known.has(name)) return async () => undefined;
    const found = await this.store.read(space, [{ kind: "client", author: authorOf(user.id, client) }]);
    if (found === null) await this.checkSpaces(user);
    const fresh = found === null || found.results[0] === null;
    const clients = fresh ? await this.clientsOf(space, user, found !== null) : 0;
    return async () => {
      if (this.known.size >= REMEMBERED) this.known.clear();
      this.known.add(name);
      if (found === null) await this.noteCreator(space, user);
      if (fresh) await this.store.setNote(space, `clients ${user.id}`, String(clients + 1));
    };
  }

  private async clientsOf(space: string, user: User, exists: boolean): Promise<number> {
    const clients = exists ? Number(await this.store.note(space, `clients ${user.id}`)) : 0;
    if (clients < this.limits.clients) return clients;
    const detail = `this principal uses ${clients} client ids in this space, which is the limit: a client keeps its id`;
    throw new Problem("forbidden", detail);
  }

  private async checkSpaces(user: User): Promise<void> {
    this.creators ??= await this.readCreators();
    const created = [...this.creators.values()].filter((creator) => creator === user.id).length;
    if (created < this.limits.spaces) return;
    throw new Problem("forbidden", `this principal has created ${created} spaces, which is the limit`);
  }

  private async readCreators(): Promise<Map<string, string>> {
    const creators = new Map<string, string>();
    for (const space of await this.store.spaces()) {
      const creator = await this.store.note(space, "creator");
      if (creator !== null) creators.set(space, creator);
    }
    return creators;
  }

  private async noteCreator(space: string, user: User): Promise<void> {
    this.creators?.set(space, user.id);
    await this.store.setNote(space, "creator", user.id);
  }
}
