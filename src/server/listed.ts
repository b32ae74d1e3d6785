import type { Store } from "../store/store.ts";

/** The store as a configuration shows it: of spaces that it does not show nothing is there, whatever the store holds. */
export function listedStore(store: Store, shows: (space: string) => boolean): Store {
  return {
    ...(store.exclusive !== undefined && { exclusive: store.exclusive }),
    head: async (space) => (shows(space) ? store.head(space) : null),
    spaces: async () => (await store.spaces()).filter(shows),
    read: async (space, queries) => (shows(space) ? store.read(space, queries) : null),
    write: async (space, wanted, decide) => (shows(space) ? store.write(space, wanted, decide) : null),
    cut: (space, horizon, slice) => store.cut(space, horizon, slice),
    setRestore: (space, policy) => store.setRestore(space, policy),
    note: (space, name) => store.note(space, name),
    setNote: (space, name, text) => store.setNote(space, name, text),
    order: (order) => store.order(order),
    orders: () => store.orders(),
    rewrite: () => store.rewrite(),
    watch: (listener) => store.watch(listener),
    size: () => store.size(),
    ...(store.disk !== undefined && { disk: async () => (await store.disk?.()) ?? null }),
    close: () => store.close(),
  };
}
