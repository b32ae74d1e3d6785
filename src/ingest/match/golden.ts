import { idFlaw } from "../../model/names.ts";
import { type Key, keyOf, type RecordData } from "../../model/record.ts";
import { canonical } from "../../util/json.ts";
import { sha256Hex } from "../../util/sha256.ts";
import type { Placement } from "../entities.ts";
import { type Crosswalk, type Entity, type Member, recordOf } from "./crosswalk.ts";
import type { MemberKey } from "./record.ts";
import { type SurviveRules, survive } from "./survive.ts";

type Change = Placement["changes"][number];

/** The records of a collection as the crosswalk changes: what they were, and what their members make of them now. */
export class Golden {
  readonly #crosswalk: Crosswalk;
  readonly #collection: string;
  readonly #rules: SurviveRules;
  readonly #step: number;
  readonly #before = new Map<string, Entity>();
  readonly #after = new Map<string, Entity | null>();

  constructor(crosswalk: Crosswalk, collection: string, rules: SurviveRules, step: number) {
    this.#crosswalk = crosswalk;
    this.#collection = collection;
    this.#rules = rules;
    this.#step = step;
  }

  /** Reads entities, so that they can be made anew. */
  async load(ids: Iterable<string>): Promise<Entity[]> {
    const found = await this.#crosswalk.entities([...ids].filter((id) => !this.#after.has(id)));
    for (const entity of found) if (!this.#before.has(entity.id)) this.#before.set(entity.id, entity);
    return found;
  }

  /** An id that no entity has: `wanted`, or else one made of the key. */
  async free(wanted: string, key: MemberKey): Promise<string> {
    for (const id of [wanted, `${wanted}-${sha256Hex(key).slice(0, 8)}`, sha256Hex(key).slice(0, 32)]) {
      if (idFlaw(id) !== null) continue;
      const taken = this.#after.has(id) ? this.#after.get(id) !== null : (await this.load([id])).length > 0;
      if (!taken) return id;
    }
    throw new Error(`every id for ${key} is taken`);
  }

  /** Makes an entity of these members; none: it goes. */
  make(id: string, members: readonly Member[]): void {
    const was = this.#before.get(id) ?? null;
    if (members.length === 0) {
      this.#after.set(id, null);
      if (was !== null) this.#crosswalk.put(this.#crosswalk.names.entity(id), null);
      return;
    }
    const { value, from } = survive(members, this.#rules);
    const keys = members.map(({ key }) => key).sort();
    const entity: Entity = { id, members: keys, record: recordOf(id, value), from, since: was?.since ?? this.#step };
    this.#after.set(id, entity);
    this.#crosswalk.put(this.#crosswalk.names.entity(id), entity);
  }

  /** What changed of records, deletions last. `nameOf` names source records of the batch, others are no cause. */
  changes(nameOf: (key: MemberKey) => string | null): Change[] {
    const changes: Change[] = [];
    for (const [id, entity] of this.#after) {
      const was = this.#before.get(id) ?? null;
      const [before, after]: (RecordData | null)[] = [was?.record ?? null, entity?.record ?? null];
      if (canonical(before ?? null) === canonical(after ?? null)) continue;
      const causes = [...new Set([...(was?.members ?? []), ...(entity?.members ?? [])])];
      const from = causes.flatMap((key) => nameOf(key) ?? []);
      const key: Key = keyOf(this.#collection, id);
      changes.push({ key, before: before ?? null, after: after ?? null, from });
    }
    return changes.sort((a, b) => Number(a.after === null) - Number(b.after === null));
  }
}
