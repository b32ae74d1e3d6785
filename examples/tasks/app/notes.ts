import type { Client, Settlement } from "tidemark/client";
import type { collections } from "../collections.ts";
import { FIELDS, shownValue } from "./words.ts";

/** One thing that happened to a person's own edit. */
export interface Note {
  readonly id: number;
  readonly text: string;
  readonly lines: readonly { readonly field: string; readonly mine: string; readonly theirs: string }[];
}

/** Tells, quietly, which of one's own edits gave way, and to what. */
export class Notes {
  #list: readonly Note[] = [];
  #next = 1;
  readonly #client: Client<typeof collections>;
  readonly #listeners = new Set<() => void>();

  constructor(client: Client<typeof collections>) {
    this.#client = client;
    client.on("superseded", (settlement) => void this.#superseded(settlement));
    client.on("rejected", ({ outcome }) => {
      if (outcome.status === "rejected") this.#add(`The server did not take an edit: ${outcome.message}.`);
    });
  }

  readonly snapshot = (): readonly Note[] => this.#list;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  dismiss(id: number): void {
    this.#set(this.#list.filter((note) => note.id !== id));
  }

  /** What was never sent; what the server rejects it tells by itself. */
  failed(error: Error): void {
    if (error.name !== "RejectedError") this.#add(`That could not be written: ${error.message}.`);
  }

  async #superseded({ mutation, outcome }: Settlement): Promise<void> {
    if (outcome.status !== "superseded") return;
    for (const { collection, id, atoms, reason } of outcome.superseded) {
      const mine = mutation.writes.find((write) => write.op !== "delete" && write.record.id === id);
      const now = await this.#client.get(collection as "tasks", id);
      const sent: { readonly [atom: string]: unknown } = mine === undefined || mine.op === "delete" ? {} : mine.record;
      if (now === null) this.#add("A task that you edited was deleted meanwhile.");
      else if (reason === "changed") this.#add(`“${now.title}” was changed meanwhile, and so was not deleted.`);
      else {
        const lines = atoms.map((atom) => ({
          field: FIELDS[atom] ?? atom,
          mine: shownValue(atom, sent[atom]),
          theirs: shownValue(atom, now[atom as "id"]),
        }));
        // Where a card lies within its column is not worth a word.
        const told = lines.filter(({ field, mine: before, theirs }) => field !== "Place" && before !== theirs);
        if (told.length > 0) this.#add(`“${now.title}” was edited by somebody else first. Theirs stands:`, told);
      }
    }
  }

  #add(text: string, lines: Note["lines"] = []): void {
    this.#set([...this.#list, { id: this.#next++, text, lines }]);
  }

  #set(list: readonly Note[]): void {
    this.#list = list;
    for (const listener of this.#listeners) listener();
  }
}
