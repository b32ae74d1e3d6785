import type { Revision } from "../model/record.ts";
import type { Exporter } from "./personal.ts";
import { fieldsOf } from "./shape.ts";
import type { Session } from "./sink.ts";
import type { Source } from "./source.ts";
import { type Build, type Mode, NEXT, NOWHERE, OLD, type Place, type State, type Tables } from "./state.ts";
import { TableSet } from "./tables.ts";

export interface Progress {
  readonly phase: "copy" | "delta" | "journal";
  /** Records, or changes of the journal, since the run began. */
  readonly taken: number;
  /** The revision that is being read towards. */
  readonly revision: Revision;
}

/** One run over a warehouse: what following a pull and following the journal have in common. */
export class Work {
  readonly session: Session;
  readonly source: Source;
  readonly exporter: Exporter;
  readonly collections: readonly string[] | null;
  readonly scope: string;
  readonly soft: boolean;
  /** Records of a copy, and changes of the journal, that are committed together at least. */
  readonly page: { readonly copy: number; readonly journal: number };
  /** When the run began. ISO 8601. */
  readonly now: string;
  readonly onProgress: (progress: Progress) => void;
  state: State;
  taken = 0;
  readonly rebuilt: string[] = [];
  /** Values were erased since the last commit. */
  #erased = false;

  constructor(parts: Omit<Work, "taken" | "rebuilt" | keyof WorkMethods>) {
    this.session = parts.session;
    this.source = parts.source;
    this.exporter = parts.exporter;
    this.collections = parts.collections;
    this.scope = parts.scope;
    this.soft = parts.soft;
    this.page = parts.page;
    this.now = parts.now;
    this.onProgress = parts.onProgress;
    this.state = parts.state;
  }

  get mode(): Mode {
    return this.state.mode;
  }

  /** Those that are shown. */
  shown(): TableSet {
    return new TableSet({
      session: this.session,
      mode: this.mode,
      tables: this.state.tables,
      suffix: "",
      whole: false,
    });
  }

  next(tables: Tables): TableSet {
    return new TableSet({ session: this.session, mode: this.mode, tables, suffix: NEXT, whole: true });
  }

  /** The values of records are being erased: no generation from before is kept, and no file with what it held (K2). */
  async erase(): Promise<void> {
    if (this.#erased) return;
    this.#erased = true;
    for (const { name } of Object.values(this.state.tables)) {
      await this.session.apply({ do: "drop", table: `${name}${OLD}` });
    }
  }

  async commit(changes: Partial<State>): Promise<void> {
    const erasing = this.#erased || this.state.erasing === true;
    await this.#commit(erasing ? { ...changes, erasing: true } : changes);
    this.#erased = false;
    if (!erasing) return;
    await this.session.rewrite?.();
    await this.#commit({ erasing: undefined });
  }

  async #commit(changes: Partial<State>): Promise<void> {
    const untagged = Object.fromEntries([...this.exporter.untagged].map(([name, atoms]) => [name, [...atoms].sort()]));
    const state: State = {
      ...this.state,
      ...changes,
      version: this.state.version + 1,
      untagged: { ...this.state.untagged, ...untagged },
    };
    await this.session.commit(state);
    this.state = state;
    this.source.progressed();
  }

  /** What is being built is given up, and a new generation begins with the next question. */
  async rebuild(build: Omit<Build, "tables" | keyof typeof NOWHERE>): Promise<void> {
    await this.next(this.state.build?.tables ?? {}).drop();
    this.rebuilt.push(build.reason);
    await this.commit({ build: { ...NOWHERE, ...build, tables: {} } });
  }

  /**
   * The new generation is all there, as of this place: it is shown, and the one before is kept until the next, where it may
   * be. That takes two commits: where rows of a table change in the transaction that renames it, DuckDB 1.5 logs them under
   * the new name before it logs the renaming, and after a crash applies them to whatever had that name.
   */
  async complete(build: Build, next: TableSet, place: Place): Promise<void> {
    const before = this.state.tables;
    for (const collection of build.collections ?? new Set([...Object.keys(before), ...Object.keys(next.tables)])) {
      const old = before[collection];
      if (next.tables[collection] === undefined && old !== undefined) await next.create(collection, old);
      if (build.keep && this.soft && this.mode === "current") await this.#carry(collection, next);
    }
    const ready: Build = { ...build, ...place, tables: next.tables, ready: true };
    await this.commit({ build: ready });
    await this.swap(ready);
  }

  /** Shows a generation that is ready. */
  async swap({ collections, cursor, revision, hash, keep, tables }: Build): Promise<void> {
    const before = this.state.tables;
    for (const [collection, { name }] of Object.entries(tables)) {
      await this.session.apply({ do: "drop", table: `${name}${OLD}` });
      if (before[collection] !== undefined) {
        if (keep) await this.session.apply({ do: "rename", table: name, to: `${name}${OLD}` });
        else await this.session.apply({ do: "drop", table: name });
      }
      await this.session.apply({ do: "rename", table: `${name}${NEXT}`, to: name });
    }
    // Where only some tables were built, all others stand where they stood, and the next delta is good for these, too.
    const place = collections === null && { cursor, revision, hash, syncedAt: this.now };
    await this.commit({ tables: { ...before, ...tables }, build: null, ...place });
  }

  /** Rows of records that are gone stay, in those columns that both generations have. */
  async #carry(collection: string, next: TableSet): Promise<void> {
    const old = this.state.tables[collection];
    if (old === undefined) return;
    const fields = fieldsOf("current", old.columns);
    const kept = next
      .fields(collection)
      .filter(({ name, type }) => fields.some((each) => each.name === name && each.type === type));
    await this.session.apply({
      do: "carry",
      table: next.named(collection),
      from: old.name,
      fields: kept,
      at: this.now,
    });
  }
}

type WorkMethods = Pick<Work, "mode" | "shown" | "next" | "erase" | "commit" | "rebuild" | "complete" | "swap">;
