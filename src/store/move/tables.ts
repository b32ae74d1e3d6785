import { recodedStamps } from "../codec.ts";
import { arrayOf } from "../postgres/values.ts";

/** The text behind a number of the table `name`. */
export type NameOf = (number: number) => string;

export type Value = string | number | null;

export interface Column {
  readonly name: string;
  readonly type: "text" | "bigint" | "integer" | "boolean" | "bytea" | "text[]";
  /** Of SQLite; the column itself where it is absent. */
  readonly from?: string;
  /** Makes of what SQLite gave what PostgreSQL gets. */
  read?(value: Value, nameOf: NameOf): Value;
}

export interface Table {
  readonly name: string;
  /** Of SQLite; the table of the same name where it is absent. */
  readonly from?: string;
  readonly columns: readonly Column[];
}

const SPACE: Column = { name: "space", type: "text", from: "(SELECT name FROM space WHERE space.id = t.space)" };

const text = (name: string): Column => ({ name, type: "text" });
const bigint = (name: string): Column => ({ name, type: "bigint" });
const integer = (name: string): Column => ({ name, type: "integer" });
const bytes = (name: string): Column => ({ name, type: "bytea", from: `lower(hex(t.${name}))` });
const named = (name: string): Column => ({
  name,
  type: "text",
  read: (value, nameOf) => (value === null ? null : nameOf(value as number)),
});

/** Scopes as numbers in JSON. */
const scopes: Column = {
  name: "scopes",
  type: "text[]",
  read: (value, nameOf) => arrayOf((JSON.parse(value as string) as number[]).map(nameOf)),
};

/** Authors stand as numbers in it. */
const stamps: Column = {
  name: "stamps",
  type: "text",
  read(value, nameOf) {
    return value === null ? null : recodedStamps(value as string, nameOf);
  },
};

const LANES = ["lane0", "lane1", "lane2", "lane3"];

/**
 * What a SQLite store keeps, as a store on PostgreSQL keeps it: names stand in the rows there, and in a table of their own
 * here. Revisions, hashes, salts and texts stay as they are, so that nobody who follows sees a difference.
 */
export const TABLES: readonly Table[] = [
  {
    name: "space",
    columns: [
      text("name"),
      bigint("revision"),
      bytes("hash"),
      ...["time", "journal", "tombstones", "stripped"].map(bigint),
      text("restore"),
    ],
  },
  {
    name: "scope",
    from: "name",
    columns: [SPACE, { name: "name", type: "text", from: "t.text" }, bigint("since")],
  },
  {
    name: "record",
    columns: [
      SPACE,
      named("collection"),
      text("id"),
      ...["revision", "all_entered", "all_first", "created"].map(bigint),
      named("creator"),
      ...LANES.map(integer),
      scopes,
      stamps,
      text("text"),
      named("parent_collection"),
      text("parent_id"),
      bigint("erased"),
    ],
  },
  {
    name: "member",
    columns: [
      SPACE,
      named("scope"),
      named("collection"),
      text("id"),
      ...["seen", "entered", "first"].map(bigint),
      { name: "present", type: "boolean" },
    ],
  },
  {
    name: "fingerprint",
    columns: [SPACE, named("scope"), named("collection"), bigint("count"), ...LANES.map(bigint)],
  },
  {
    name: "entry",
    columns: [
      SPACE,
      ...["revision", "time"].map(bigint),
      bytes("hash"),
      named("author"),
      bigint("mutation"),
      text("changes"),
    ],
  },
  {
    name: "client",
    columns: [SPACE, named("author"), bigint("last"), bigint("acked"), text("was"), bigint("seen")],
  },
  {
    name: "outcome",
    columns: [
      SPACE,
      named("author"),
      bigint("id"),
      bytes("content"),
      text("status"),
      ...["revision", "time", "acked"].map(bigint),
      text("detail"),
    ],
  },
  { name: "note", columns: [SPACE, text("name"), text("text")] },
];

/** Which rows of a table are meant: all, but of the names only those of scopes. */
export function conditionOf({ name }: Table): string {
  return name === "scope" ? "WHERE t.kind = 1 AND t.since IS NOT NULL AND t.text <> '*'" : "";
}
