import type { Batch, ClientStore, Opened, Row, Span } from "../../client/store/store.ts";
import { type Key, keyParts } from "../../model/record.ts";
import { type Json, type JsonObject, sameJson } from "../../util/json.ts";

/** What arrived of one record: only the atoms that differ. `before` null: it was not held; `after` null: it is gone. */
export interface Arrival {
  readonly collection: string;
  readonly id: string;
  readonly before: JsonObject | null;
  readonly after: JsonObject | null;
}

const PAGE = 1_000;

/** A client's store that tells what changes in it: what the server confirmed, atom by atom. */
export class ObservedStore implements ClientStore {
  readonly #inner: ClientStore;
  readonly #listener: (arrivals: readonly Arrival[]) => void;
  #records = 0;

  constructor(inner: ClientStore, listener: (arrivals: readonly Arrival[]) => void) {
    this.#inner = inner;
    this.#listener = listener;
  }

  /** How many records it holds. */
  get records(): number {
    return this.#records;
  }

  async open(): Promise<Opened> {
    const opened = await this.#inner.open();
    for await (const rows of this.#all()) this.#records += rows.length;
    return opened;
  }

  /** None: each row is told of by itself, so that no line is taken over as it is. */
  async spans(): Promise<readonly Span[]> {
    return [];
  }

  async write(batch: Batch): Promise<void> {
    const arrivals = batch.rows === undefined && !batch.wipe ? [] : await this.#arrivals(batch);
    await this.#inner.write(batch);
    for (const { before, after } of arrivals) this.#records += Number(before === null) - Number(after === null);
    const changed = arrivals.filter(({ before, after }) => !(before && after && sameJson(before, after)));
    if (changed.length > 0) this.#listener(changed);
  }

  async #arrivals({ rows = new Map(), wipe = false }: Batch): Promise<Arrival[]> {
    const keys = [...rows.keys()];
    const held = await this.#inner.get(keys);
    const arrivals = keys.flatMap((key, i) => arrivalOf(key, held[i], rows.get(key) ?? null));
    if (!wipe) return arrivals;
    for await (const page of this.#all()) {
      for (const row of page) if (!rows.has(row.key)) arrivals.push(...arrivalOf(row.key, row, null));
    }
    return arrivals;
  }

  async *#all(): AsyncGenerator<readonly Row[]> {
    let from: Key | null = null;
    for (;;) {
      const rows: readonly Row[] = await this.#inner.scan(from, null, PAGE);
      if (rows.length === 0) return;
      yield rows;
      // The least key behind the last one.
      from = `${(rows.at(-1) as Row).key}\0`;
    }
  }

  notes: ClientStore["notes"] = (prefix, limit) => this.#inner.notes(prefix, limit);
  get: ClientStore["get"] = (keys) => this.#inner.get(keys);
  scan: ClientStore["scan"] = (from, to, limit) => this.#inner.scan(from, to, limit);
  staged: ClientStore["staged"] = (subscription, skip, limit) => this.#inner.staged(subscription, skip, limit);
  isFree: ClientStore["isFree"] = (span) => this.#inner.isFree(span);
  stagedRows: ClientStore["stagedRows"] = (adopt, keys) => this.#inner.stagedRows(adopt, keys);
  contents: ClientStore["contents"] = (from, to) => this.#inner.contents(from, to);
  close: ClientStore["close"] = () => this.#inner.close();
}

function arrivalOf(key: Key, held: Row | undefined, row: Row | null): Arrival[] {
  if (held === undefined && row === null) return [];
  const { collection, id } = keyParts(key);
  if (held === undefined || row === null) {
    return [{ collection, id, before: held ? atomsOf(held) : null, after: row ? atomsOf(row) : null }];
  }
  const before: { [atom: string]: Json } = {};
  const after: { [atom: string]: Json } = {};
  for (const atom of Object.keys({ ...held.data, ...row.data })) {
    const old = held.data[atom] ?? null;
    const now = row.data[atom] ?? null;
    if (!sameJson(old, now)) [before[atom], after[atom]] = [old, now];
  }
  return [{ collection, id, before, after }];
}

function atomsOf({ data: { id: _, ...atoms } }: Row): JsonObject {
  return atoms as JsonObject;
}
