import { type Key, keyOf, type RecordData } from "../model/record.ts";
import { type Flaw, rejected } from "./clean/step.ts";
import type { Accepted, Entities } from "./entities.ts";

/**
 * Each source record is a record of the collection, under the id that the declaration gives it. Of two with one id the first
 * stays, the other goes to quarantine.
 */
export const byId: Entities = {
  version: "by-id",
  async place(accepted, reader, { root, collection }) {
    const nameOf = (id: string) => `${root}id/${id}`;
    const known = await reader.notes(
      accepted.flatMap(({ id, before }) => [nameOf(id), ...(before?.entity ? [nameOf(before.entity)] : [])]),
    );
    const owners = new Map(known);
    const notes = new Map<string, string | null>();
    const entities = new Map<string, string>();
    const flaws = new Map<string, Flaw>();
    const changes: { key: Key; before: RecordData | null; after: RecordData | null; from: string[] }[] = [];
    const own = (id: string, name: string | null) => {
      notes.set(nameOf(id), name);
      if (name === null) owners.delete(nameOf(id));
      else owners.set(nameOf(id), name);
    };
    const madeOf = ({ before }: Accepted): RecordData | null =>
      before?.data == null || before.entity === null ? null : ({ ...before.data, id: before.entity } as RecordData);
    for (const each of accepted) {
      const { name, id, after } = each;
      const was = madeOf(each);
      const owner = owners.get(nameOf(id));
      if (after !== null && owner !== undefined && owner !== name) {
        flaws.set(
          name,
          rejected("duplicate", "id", `another record of this stream, ${owner}, has the id ${id} already`),
        );
        continue;
      }
      if (was !== null && (after === null || was.id !== id)) {
        changes.push({ key: keyOf(collection, was.id), before: was, after: null, from: [name] });
        own(was.id, null);
      }
      if (after !== null) {
        const before = was?.id === id ? was : null;
        changes.push({ key: keyOf(collection, id), before, after: { ...after, id } as RecordData, from: [name] });
        if (owner !== name) own(id, name);
      }
      entities.set(name, id);
    }
    return { entities, flaws, changes, notes };
  },
  async sourcesOf(entity, reader, { root }) {
    return [...(await reader.notes([`${root}id/${entity}`])).values()];
  },
};
