import { z } from "zod";
import { heredityOf, inheritanceOf } from "../model/inherit.ts";
import { nameFlaw, spaceFlaw } from "../model/names.ts";
import { type Collections, collectionOf, UNDECLARED } from "../model/schema.ts";
import type { AdoptionPlan, Capture, ColumnPlan } from "../store/adopt.ts";

/** The tables of one space. */
export interface AdoptedSpace {
  /**
   * `"replication"` reads PostgreSQL's log (wal_level = logical); `"triggers"` notes changes in a table, where that is not
   * allowed. Default "replication".
   */
  readonly capture?: Capture;
  /** By collection. */
  readonly tables: { readonly [collection: string]: AdoptedTable };
}

export interface AdoptedTable {
  /** `schema.table`, or a table of `public`. */
  readonly table: string;
  /** The columns that make the id; the primary key by default. */
  readonly key?: string | readonly string[];
  /** Atom → column; all columns under their own names by default. `as: "number"` for int8 and numeric as JSON numbers. */
  readonly columns?: { readonly [atom: string]: string | ColumnPlan };
}

export type AdoptConfig = { readonly [space: string]: AdoptedSpace };

const text = z.string({ error: "expected a name" }).min(1, { error: "expected a name" });
const column = z.union([text, z.strictObject({ column: text, as: z.literal("number").optional() })], {
  error: 'expected a column, or { column, as: "number" }',
});

export const adoptSchema = z.record(
  z.string(),
  z.strictObject({
    capture: z.enum(["replication", "triggers"]).optional(),
    tables: z.record(
      z.string(),
      z.strictObject({
        table: text,
        key: z.union([text, z.array(text).min(1)], { error: "expected a column or a list of them" }).optional(),
        columns: z.record(z.string(), column).optional(),
      }),
    ),
  }),
);

interface AdoptParts {
  readonly adopt?: AdoptConfig;
  readonly collections?: Collections;
  readonly spaces?: "open" | readonly string[];
}

/** What `adoptSchema` cannot see: names, and that the collections are there. */
export function adoptMistakes({ adopt = {}, collections, spaces = "open" }: AdoptParts): string[] {
  return Object.entries(adopt).flatMap(([space, { tables }]) => {
    const path = `adopt.${space}`;
    const flaw = spaceFlaw(space);
    const mistakes = flaw === null ? [] : [`${path}: expected another name: ${flaw}`];
    if (spaces !== "open" && !spaces.includes(space)) mistakes.push(`${path}: expected a space that \`spaces\` lists`);
    for (const [collection, { columns = {} }] of Object.entries(tables)) {
      if (collectionOf(collections ?? UNDECLARED, collection) === null) {
        mistakes.push(`${path}.tables.${collection}: expected a collection that \`collections\` names`);
      }
      if (inFamily(collections ?? UNDECLARED, collection)) {
        const what =
          "expected a collection that neither inherits scopes nor hands them on: give it `scopes` of its own";
        mistakes.push(`${path}.tables.${collection}: ${what}`);
      }
      for (const name of [collection, ...Object.keys(columns)]) {
        const reason = nameFlaw(name);
        if (reason !== null) mistakes.push(`${path}.tables.${collection}: ${name}: ${reason}`);
      }
    }
    return mistakes;
  });
}

/** Whether records of a collection have parents or children (M8), which what a table tells would have to move. */
function inFamily(collections: Collections, name: string): boolean {
  const collection = collectionOf(collections, name);
  return heredityOf(collections).parents.has(name) || (collection !== null && inheritanceOf(collection) !== null);
}

export function plansOf(adopt: AdoptConfig): ReadonlyMap<string, AdoptionPlan> {
  return new Map(
    Object.entries(adopt).map(([space, { capture = "replication", tables }]) => {
      const plans = Object.entries(tables).map(([collection, { table, key, columns }]) => {
        return { collection, table, key: typeof key === "string" ? [key] : key, columns };
      });
      return [space, { capture, tables: plans }];
    }),
  );
}
