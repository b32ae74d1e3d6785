import { after as nextKey } from "../client/store/rows.ts";
import { type Batch, NOTHING_WANTED, NOTHING_WRITTEN } from "../model/batch.ts";
import type { Key } from "../model/record.ts";
import type { NoteRange, Store } from "../store/store.ts";
import type { RemovedData } from "../wire/links.ts";
import { staying } from "./accounts.ts";
import { leaseName, rootOf, storedName, under } from "./names.ts";
import type { SpaceStore } from "./space-store.ts";

/** No name of a note holds a control character, and PostgreSQL takes none that is zero. */
const NEXT = "\u0001";
/** Records, and notes, that one transaction of a removal takes. */
const SLICE = 2_000;

interface RemovalOptions {
  readonly store: Store;
  readonly space: string;
  readonly link: string;
  readonly mirror: SpaceStore;
  readonly signal: AbortSignal;
  /** Renews the lease; rejects where it is lost. */
  renew(): Promise<void>;
}

/**
 * Removes what a link brought, if it is to go, and then all that it kept, a slice at a time: broken off at any point it is
 * done again from the beginning. Records with writes that upstream has not settled stay. True when nothing is left.
 */
export async function removeLink(options: RemovalOptions, data: RemovedData): Promise<boolean> {
  const { mirror, signal, renew } = options;
  if (data === "delete") {
    await mirror.open();
    for (let from: Key | null = null; ; ) {
      if (signal.aborted) return false;
      await renew();
      const rows = await mirror.scan(from, null, SLICE);
      const keys = rows.map(({ key }) => key);
      const stay = await staying(options.store, options.space, keys);
      const going = keys.filter((key) => !stay.has(key));
      if (going.length > 0) await mirror.write({ rows: new Map(going.map((key) => [key, null])) });
      if (rows.length < SLICE) break;
      from = nextKey((rows.at(-1) as { key: Key }).key);
    }
  }
  return await cleared(options);
}

async function cleared({ store, space, link, signal, renew }: RemovalOptions): Promise<boolean> {
  const lease = leaseName(link);
  const all = under(rootOf(link));
  // The lease is the last to go: until then nobody else takes the link up.
  for (const range of [
    { from: all.from, to: lease },
    { from: lease + NEXT, to: all.to },
  ]) {
    for (let from = range.from; ; ) {
      if (signal.aborted) return false;
      await renew();
      const answer = await store.read(space, [{ kind: "notes-between", from, to: range.to, limit: SLICE }]);
      const names = (answer?.results[0] ?? []).map(([name]) => name);
      const last = names.at(-1);
      if (last === undefined) break;
      await drop(store, space, [{ from, to: last + NEXT }]);
      from = last + NEXT;
    }
  }
  const stored = storedName(link);
  await drop(store, space, [
    { from: lease, to: lease + NEXT },
    { from: stored, to: stored + NEXT },
  ]);
  return true;
}

async function drop(store: Store, space: string, clear: readonly NoteRange[]): Promise<void> {
  await store.write(space, NOTHING_WANTED, (): Batch => {
    return { ...NOTHING_WRITTEN, clear };
  });
}
