// What makes that a database can be distributed by space, read off the statements themselves.
import { Session, type Value } from "../../src/store/postgres/session.ts";

export interface Statement {
  readonly text: string;
  readonly values: readonly Value[];
  /** The file and the line that sent it. */
  readonly site: string;
}

/** All statements that are sent from now on, and the flaws of transactions that are about two spaces. */
export function recordStatements(): { readonly statements: Statement[]; readonly mixed: string[]; stop(): void } {
  const statements: Statement[] = [];
  const mixed: string[] = [];
  const spaces = new WeakMap<Session, Value>();
  const { query } = Session.prototype;
  Session.prototype.query = function <Row>(this: Session, text: string, values: readonly Value[] = []) {
    const site = /\/src\/store\/postgres\/(\S+?\.ts)\S*?:(\d+):\d+/.exec(new Error().stack ?? "");
    statements.push({ text, values, site: site === null ? "" : `${site[1]}:${site[2]}` });
    if (/^\s*BEGIN/.test(text)) spaces.delete(this);
    else if (tablesOf(text).length > 0 && values.length > 0) {
      const before = spaces.get(this) ?? values[0];
      if (before !== values[0]) mixed.push(`${before} and ${values[0]}: ${text}`);
      spaces.set(this, values[0] as Value);
    }
    return query.call(this, text, values) as Promise<Row[]>;
  };
  return {
    statements,
    mixed,
    stop() {
      Session.prototype.query = query;
    },
  };
}

const TABLES = ["space", "record", "scope", "member", "fingerprint", "entry", "client", "outcome", "note"];
const NO_ALIAS = "SET|WHERE|ON|ORDER|SELECT|VALUES|USING|JOIN|LIMIT|FOR|GROUP|CROSS";
const NAMED = new RegExp(
  `\\b(FROM|JOIN|UPDATE|INTO|USING|TABLE)\\s+(${TABLES.join("|")})\\b(?:\\s+AS\\b)?(?:\\s+(?!(?:${NO_ALIAS})\\b)([a-z_]\\w*))?`,
  "g",
);

interface Named {
  readonly verb: string;
  readonly table: string;
  readonly alias: string;
}

/** Where a statement names a table that holds data. */
function tablesOf(text: string): Named[] {
  return [...text.matchAll(NAMED)].map(([, verb = "", table = "", alias = ""]) => ({ verb, table, alias }));
}

/** What a space is bound to: the one that the statement is about, or that of a row which is bound itself. */
const BOUND = "(?:\\$1|\\w+\\.space)(?!\\w)";

/** How many times the space of an alias, or of a table that has none, is bound. */
function bindings(text: string, { table, alias }: Named): number {
  const column = table === "space" ? "name" : "space";
  const own = alias === "" ? `(?<![.\\w])(?:${table}\\.)?${column}` : `(?<![.\\w])${alias}\\.${column}`;
  return [...text.matchAll(new RegExp(`${own} = ${BOUND}`, "g"))].length;
}

/** Nothing that a distributed database lacks, and nothing that all of its nodes would have to agree on. */
const NEVER: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["a sequence", /\b(nextval|setval|SERIAL|BIGSERIAL|SEQUENCE|IDENTITY)\b/i],
  ["a lock by number", /advisory/i],
  ["LISTEN or NOTIFY", /\b(LISTEN|NOTIFY|pg_notify)\b/i],
  ["a foreign key", /\b(REFERENCES|FOREIGN KEY)\b/i],
  ["a lock of a table", /\bLOCK TABLE\b/i],
  ["a trigger", /\bTRIGGER\b/i],
  ["the place of a row", /\b(ctid|xmin|xmax)\b/i],
  ["a cursor of the database", /\bDECLARE\b.*\bCURSOR\b/is],
  ["COPY", /^\s*COPY\b/i],
  ["a snapshot that is handed on", /pg_export_snapshot/i],
  ["SERIALIZABLE", /\bSERIALIZABLE\b/],
  // Citus refuses a function that is not immutable on a column: https://docs.citusdata.com/en/stable/develop/reference_workarounds.html
  [
    "a function of JSON or of time in an UPDATE",
    /\bUPDATE (?!SET)[^;]*(?:\bjsonb?_\w+\(|::jsonb?\b|\bto_jsonb?\(|\bnow\(|\brandom\()/i,
  ],
  ["an index of a kind that is not everywhere", /\bUSING (gin|gist|brin|spgist|hash)\b/i],
];

/** Why a statement would not do in a database that is distributed by space. */
export function flawsOf(statement: string): string[] {
  const text = statement.replace(/--.*$/gm, "");
  const flaws = NEVER.filter(([, pattern]) => pattern.test(text)).map(([what]) => `it has ${what}`);
  return [...flaws, ...(/^\s*CREATE/.test(text) ? flawsOfTables(text) : flawsOfUse(text))];
}

function flawsOfUse(text: string): string[] {
  const named = tablesOf(text);
  const inserted = named.filter(({ verb }) => verb === "INTO");
  const used = named.filter(({ verb }) => verb !== "INTO");
  const intoOne = /INTO (?:space \(name|(?!space\b)\w+(?: AS \w+)? \(space),[^)]*\)\s*(?:SELECT \$1,|VALUES \(\$1,)/g;
  const flaws = inserted.length === [...text.matchAll(intoOne)].length ? [] : ["it inserts into no certain space"];
  for (const one of used) {
    const same = used.filter(({ table, alias }) => alias === one.alias && (alias !== "" || table === one.table));
    const unnamed = one.alias === "" && one.table !== "space";
    // Without an alias, tables of a statement share the name of the column.
    const needed = unnamed ? used.filter(({ table, alias }) => alias === "" && table !== "space").length : same.length;
    if (bindings(text, one) < needed) flaws.push(`it reads ${one.table} ${one.alias} of no certain space`.trim());
  }
  return [...new Set(flaws)];
}

/** Keys and indexes begin with the space, and nothing is unique without it. */
function flawsOfTables(text: string): string[] {
  const flaws: string[] = [];
  for (const [, table = "", body = ""] of text.matchAll(/CREATE TABLE (\w+) \((.*?)\n {2}\);/gs)) {
    const [, column = "", list = ""] = /^\s*(\w+) [^,]*PRIMARY KEY|PRIMARY KEY \((\w+)/m.exec(body) ?? [];
    const first = column || list;
    if (first !== (table === "space" ? "name" : "space")) flaws.push(`the key of ${table} begins with ${first}`);
    if (/\bUNIQUE\b/.test(body)) flaws.push(`${table} has something unique beside its key`);
  }
  for (const [, unique, name = "", column] of text.matchAll(/CREATE (UNIQUE )?INDEX (\w+) ON \w+ \((\w+)/g)) {
    if (unique !== undefined) flaws.push(`${name} is unique`);
    if (column !== "space") flaws.push(`${name} begins with ${column}`);
  }
  return flaws;
}
