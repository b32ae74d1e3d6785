import type { Comparison, Difference, Field, Session, Step, StoredRow } from "./sink.ts";
import { WarehouseError } from "./sink.ts";
import { STATE, type State } from "./state.ts";
import type { Type } from "./values.ts";

/** What databases say differently. */
export interface Dialect {
  readonly types: { readonly [T in Field["type"]]: string };
  /** A table of the rows that parameter 1 holds as a JSON array, with these columns, as texts, numbers and truth values. */
  rows(fields: readonly Field[]): string;
  readonly toJson: string;
  readonly keys: boolean;
}

/** One connection. Values are passed as texts. */
export interface Engine {
  readonly dialect: Dialect;
  /** Gives how many rows it changed. */
  run(sql: string, value?: string): Promise<number>;
  all(sql: string, value?: string): Promise<StoredRow[]>;
  /** A quicker way for many rows, where there is one. */
  append?(table: string, fields: readonly Field[], rows: readonly StoredRow[]): Promise<void>;
  /** A quicker way for a `load`, where there is one. */
  load?(load: Load): Promise<void>;
}

export type Load = Extract<Step, { do: "load" }>;

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A warehouse in a database: rows and state in one transaction. */
export class SqlSession implements Session {
  readonly #engine: Engine;
  readonly rewrite?: () => Promise<void>;
  #open = false;
  /** While it is written, what comes next can be read and parsed. */
  #loading: Promise<void> | null = null;

  constructor(engine: Engine, rewrite?: () => Promise<void>) {
    this.#engine = engine;
    if (rewrite !== undefined) this.rewrite = rewrite;
  }

  async state(): Promise<State | null> {
    await this.#engine.run(`CREATE TABLE IF NOT EXISTS ${quoted(STATE)} (version bigint, state text)`);
    const [row] = await this.#engine.all(`SELECT state FROM ${quoted(STATE)}`);
    return row === undefined ? null : (JSON.parse(String(row.state)) as State);
  }

  async apply(step: Step): Promise<number> {
    await this.#begin();
    const { dialect } = this.#engine;
    const table = quoted(step.table);
    const typed = ({ name, type }: Field) => `${quoted(name)} ${dialect.types[type]}`;
    switch (step.do) {
      case "create": {
        const key = dialect.keys && step.key.length > 0 ? `, PRIMARY KEY (${step.key.map(quoted).join(", ")})` : "";
        return await this.#engine.run(`CREATE TABLE ${table} (${step.fields.map(typed).join(", ")}${key})`);
      }
      case "drop":
        return await this.#engine.run(`DROP TABLE IF EXISTS ${table}`);
      case "rename":
        return await this.#engine.run(`ALTER TABLE ${table} RENAME TO ${quoted(step.to)}`);
      case "add":
        return await this.#engine.run(`ALTER TABLE ${table} ADD COLUMN ${typed(step.field)}`);
      case "widen": {
        const using = widened(quoted(step.name), step.from, step.to, dialect);
        const type = dialect.types[step.to];
        return await this.#engine.run(
          `ALTER TABLE ${table} ALTER COLUMN ${quoted(step.name)} TYPE ${type} USING ${using}`,
        );
      }
      case "load":
        this.#loading = this.#load(step);
        // It is told of by whatever comes next.
        this.#loading.catch(() => {});
        return 0;
      case "insert":
        return await this.#insert(step.table, step.fields, step.rows);
      case "put": {
        const ids = JSON.stringify(step.rows.map(({ id }) => ({ id })));
        await this.#engine.run(`DELETE FROM ${table} WHERE id IN (SELECT id FROM ${dialect.rows([ID])} AS s)`, ids);
        return await this.#insert(step.table, step.fields, step.rows);
      }
      case "patch":
        return await this.#patch(step);
      case "remove": {
        const ids = JSON.stringify(step.ids.map((id) => ({ id })));
        return await this.#engine.run(
          `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${dialect.rows([ID])} AS s)`,
          ids,
        );
      }
      case "carry": {
        const names = step.fields.map(({ name }) => quoted(name));
        const from = names.map((name) =>
          name === '"_deleted_at"' ? `coalesce(o.${name}, '${step.at}')` : `o.${name}`,
        );
        return await this.#engine.run(
          `INSERT INTO ${table} (${names.join(", ")}) SELECT ${from.join(", ")} FROM ${quoted(step.from)} AS o ` +
            `WHERE NOT EXISTS (SELECT 1 FROM ${table} AS n WHERE n.id = o.id)`,
        );
      }
      case "stamp": {
        const set = step.fields.map(({ name }) => `${quoted(name)} = s.${quoted(name)}`).join(", ");
        return await this.#engine.run(
          `UPDATE ${table} SET ${set} FROM ${dialect.rows(step.fields)} AS s`,
          JSON.stringify([step.row]),
        );
      }
    }
  }

  async #insert(table: string, fields: readonly Field[], rows: readonly StoredRow[]): Promise<number> {
    if (rows.length === 0) return 0;
    if (this.#engine.append !== undefined) {
      await this.#engine.append(table, fields, rows);
      return rows.length;
    }
    const names = fields.map(({ name }) => quoted(name)).join(", ");
    return await this.#engine.run(
      `INSERT INTO ${quoted(table)} (${names}) SELECT ${names} FROM ${this.#engine.dialect.rows(fields)} AS s`,
      JSON.stringify(rows),
    );
  }

  async #load(load: Load): Promise<void> {
    if (this.#engine.load !== undefined) return await this.#engine.load(load);
    const { fields, common } = load;
    const names = fields.map(({ name }) => quoted(name)).join(", ");
    const columns = [...fields, ...common].map(({ name }) => quoted(name)).join(", ");
    const values = valuesOf(load, this.#engine.dialect);
    for (const records of load.records)
      await this.#engine.run(
        `INSERT INTO ${quoted(load.table)} (${columns}) SELECT ${names}${values} FROM ${this.#engine.dialect.rows(fields)} AS s`,
        records,
      );
  }

  /** Whatever was begun has ended. */
  async settled(): Promise<void> {
    const loading = this.#loading;
    this.#loading = null;
    await loading;
  }

  /** Rows need not name the same columns: beside each column stands whether the row names it. */
  async #patch({ table, fields, rows, where }: Extract<Step, { do: "patch" }>): Promise<number> {
    const others = fields.filter(({ name }) => name !== "id");
    const flags: Field[] = others.map((_, i) => ({ name: `set$${i}`, type: "boolean" }));
    const flagged = rows.map((row) => {
      const all: { [column: string]: StoredRow[string] } = { ...row };
      others.forEach(({ name }, i) => {
        if (Object.hasOwn(row, name)) all[`set$${i}`] = true;
      });
      return all;
    });
    const set = others.map(({ name }, i) => {
      return `${quoted(name)} = CASE WHEN s.${quoted(`set$${i}`)} THEN s.${quoted(name)} ELSE t.${quoted(name)} END`;
    });
    const source = this.#engine.dialect.rows([...fields, ...flags]);
    const only = where === null ? "" : ` AND t.${quoted(where)} IS NULL`;
    return await this.#engine.run(
      `UPDATE ${quoted(table)} AS t SET ${set.join(", ")} FROM ${source} AS s WHERE t.id = s.id${only}`,
      JSON.stringify(flagged),
    );
  }

  async open(table: string, fields: readonly Field[], ids: readonly string[], where: string): Promise<StoredRow[]> {
    await this.#begin();
    const source = this.#engine.dialect.rows([ID]);
    const names = fields.map(({ name, type }) =>
      type === "json" ? `CAST(${quoted(name)} AS ${this.#engine.dialect.types.text}) AS ${quoted(name)}` : quoted(name),
    );
    return await this.#engine.all(
      `SELECT ${names.join(", ")} FROM ${quoted(table)} WHERE ${quoted(where)} IS NULL AND id IN (SELECT id FROM ${source} AS s)`,
      JSON.stringify(ids.map((id) => ({ id }))),
    );
  }

  async count(table: string, where: string): Promise<number> {
    await this.#begin();
    const [row] = await this.#engine.all(`SELECT count(*) AS n FROM ${quoted(table)} WHERE ${quoted(where)} IS NULL`);
    return Number(row?.n ?? 0);
  }

  async differences({ table, where, check, fields, most }: Comparison): Promise<Difference[]> {
    await this.#begin();
    const differs = fields.map(({ name }) => `a.${quoted(name)} IS DISTINCT FROM b.${quoted(name)}`);
    // What a copy brings and takes back is marked in the check, too.
    const present = (name: string) => `(SELECT * FROM ${quoted(name)} WHERE ${quoted(where)} IS NULL)`;
    const named = fields.map(({ name }, i) => `CASE WHEN ${differs[i]} THEN '${name},' ELSE '' END`);
    const rows = await this.#engine.all(
      `SELECT coalesce(a.id, b.id) AS id, CASE WHEN a.id IS NULL THEN 'missing' WHEN b.id IS NULL THEN 'extra' ELSE 'different' END AS what, ` +
        `${named.length === 0 ? "''" : named.join(" || ")} AS columns ` +
        `FROM ${present(table)} AS a FULL JOIN ${present(check)} AS b ON a.id = b.id ` +
        `WHERE a.id IS NULL OR b.id IS NULL${differs.map((each) => ` OR ${each}`).join("")} ORDER BY 1 LIMIT ${most}`,
    );
    return rows.map(({ id, what, columns }) => ({
      id: String(id),
      what: what as Difference["what"],
      columns:
        what === "different"
          ? String(columns)
              .split(",")
              .filter((name) => name !== "")
          : [],
    }));
  }

  async commit(state: State): Promise<void> {
    await this.#begin();
    const next = JSON.stringify([{ state: JSON.stringify(state), version: state.version, before: state.version - 1 }]);
    const source = this.#engine.dialect.rows([
      { name: "state", type: "text" },
      { name: "version", type: "bigint" },
      { name: "before", type: "bigint" },
    ]);
    const changed =
      state.version === 1
        ? await this.#engine.run(
            `INSERT INTO ${quoted(STATE)} (version, state) SELECT s.version, s.state FROM ${source} AS s ` +
              `WHERE NOT EXISTS (SELECT 1 FROM ${quoted(STATE)})`,
            next,
          )
        : await this.#engine.run(
            `UPDATE ${quoted(STATE)} AS t SET version = s.version, state = s.state FROM ${source} AS s WHERE t.version = s.before`,
            next,
          );
    if (changed !== 1) {
      await this.rollback();
      throw new WarehouseError(
        "overtaken",
        "another process has gone on with this warehouse: let only one of them run",
      );
    }
    await this.#engine.run("COMMIT");
    this.#open = false;
  }

  async rollback(): Promise<void> {
    await this.settled().catch(() => {});
    if (!this.#open) return;
    this.#open = false;
    await this.#engine.run("ROLLBACK");
  }

  async #begin(): Promise<void> {
    await this.settled();
    if (this.#open) return;
    await this.#engine.run("BEGIN");
    this.#open = true;
  }
}

/** What all rows of a load have in common, behind what each has of its own. */
export function valuesOf({ common, row }: Load, { types }: Dialect): string {
  return common
    .map(({ name, type }) => {
      const value = row[name] ?? null;
      const literal = value === null ? "NULL" : `'${String(value).replaceAll("'", "''")}'`;
      return `, CAST(${literal} AS ${types[type]})`;
    })
    .join("");
}

const ID: Field = { name: "id", type: "text" };

/** A column's value in a wider type: as the same value would have come in there. */
function widened(column: string, from: Type, to: Type, { types, toJson }: Dialect): string {
  if (to === "json") return from === "json" ? column : `${toJson}(${column})`;
  if (to === "text" && from === "double") {
    // JavaScript writes whole numbers without a point, and exponents without a leading zero.
    return (
      `CASE WHEN ${column} = floor(${column}) AND abs(${column}) < 1e18 THEN CAST(CAST(${column} AS bigint) AS ${types.text}) ` +
      `ELSE regexp_replace(CAST(${column} AS ${types.text}), 'e([+-])0', 'e\\1') END`
    );
  }
  return `CAST(${column} AS ${types[to]})`;
}
