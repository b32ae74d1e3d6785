import { createHmac } from "node:crypto";
import { canonical, type Json } from "../util/json.ts";

/** What a warehouse gets of an atom: the value, a mask in its place, a keyed hash of it, or nothing. */
export type Treatment = "plain" | "mask" | "hash" | "omit";

/** By collection and atom; `id` may be "plain" or "hash". */
export type Treatments = { readonly [collection: string]: { readonly [atom: string]: Treatment } };

/** What stands for a masked value: that there is one is all that can be seen. */
const MASK = "***";
/** Hex digits of a keyed hash that are kept: 128 bits. */
const KEPT = 32;

/** What leaves of the records (X3). */
export class Exporter {
  readonly #atoms: Treatments | undefined;
  readonly #key: string;
  /** Atoms that came and are not tagged, by collection. */
  readonly untagged = new Map<string, Set<string>>();

  /** - `atoms`: undefined where nothing is tagged at all, and everything leaves as it is. */
  constructor(atoms: Treatments | undefined, key: string | undefined) {
    this.#atoms = atoms;
    this.#key = key ?? "";
  }

  /** Whether everything leaves as it is. */
  get open(): boolean {
    return this.#atoms === undefined;
  }

  id(collection: string, id: string): string {
    return this.#treatment(collection, "id") === "hash" ? this.#hashed(id) : id;
  }

  /** What leaves of these atoms; the id among them is to be left unread. */
  atoms(collection: string, record: { readonly [atom: string]: Json }): { readonly [atom: string]: Json } {
    if (this.#atoms === undefined) return record;
    const leaving: { [atom: string]: Json } = {};
    for (const atom in record) {
      if (atom === "id") continue;
      const treatment = this.#treatment(collection, atom);
      const value = record[atom] as Json;
      if (treatment === "plain") leaving[atom] = value;
      else if (treatment === "mask") leaving[atom] = value === null ? null : MASK;
      else if (treatment === "hash") leaving[atom] = value === null ? null : this.#hashed(value);
      else if (treatment === undefined) this.#miss(collection, atom);
    }
    return leaving;
  }

  #treatment(collection: string, atom: string): Treatment | undefined {
    if (this.#atoms === undefined) return "plain";
    const tagged = Object.hasOwn(this.#atoms, collection) ? this.#atoms[collection] : undefined;
    if (tagged === undefined || !Object.hasOwn(tagged, atom)) return atom === "id" ? "plain" : undefined;
    return tagged[atom];
  }

  #hashed(value: Json): string {
    return createHmac("sha256", this.#key).update(canonical(value)).digest("hex").slice(0, KEPT);
  }

  #miss(collection: string, atom: string): void {
    const atoms = this.untagged.get(collection) ?? new Set();
    this.untagged.set(collection, atoms.add(atom));
  }
}
