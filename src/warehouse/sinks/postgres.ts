import type { ReservedSql, Sql } from "postgres";
import { type Answer, type Session, type Sink, type StoredRow, WarehouseError } from "../sink.ts";
import { type Dialect, type Engine, quoted, SqlSession } from "../sql.ts";

const TYPES = {
  boolean: "boolean",
  bigint: "bigint",
  double: "double precision",
  text: "text",
  json: "jsonb",
  timestamp: "timestamptz",
} as const;

const dialect: Dialect = {
  types: TYPES,
  toJson: "to_jsonb",
  keys: true,
  rows(fields) {
    const shape = fields.map(({ name, type }) => `${quoted(name)} ${type === "json" ? "text" : TYPES[type]}`);
    const columns = fields.map(({ name, type }) =>
      type === "json" ? `CAST(${quoted(name)} AS jsonb) AS ${quoted(name)}` : quoted(name),
    );
    return `(SELECT ${columns.join(", ")} FROM json_to_recordset(CAST($1 AS text)::json) AS r(${shape.join(", ")}))`;
  },
};

/** U+0000, once in a text and once in JSON within a text, is the one character that PostgreSQL keeps in neither. */
const NUL = /\\{1,2}u0000/g;

class PostgresEngine implements Engine {
  readonly dialect = dialect;
  readonly #sql: ReservedSql;

  constructor(sql: ReservedSql) {
    this.#sql = sql;
  }

  async run(sql: string, value?: string): Promise<number> {
    return (await this.#ask(sql, value)).count ?? 0;
  }

  async all(sql: string, value?: string): Promise<StoredRow[]> {
    return [...(await this.#ask(sql, value))] as unknown as StoredRow[];
  }

  async #ask(sql: string, value?: string) {
    if (value === undefined) return await this.#sql.unsafe(sql);
    return await this.#sql.unsafe(sql, [value.includes("u0000") ? value.replace(NUL, "\u2400") : value]);
  }
}

/**
 * A warehouse in a schema of PostgreSQL: `?schema=` of the address names it, `public` by default; it is made where it is not
 * there.
 *
 * @example const sink = postgresSink("postgres://reports@db.example/reports?schema=tidemark");
 */
export function postgresSink(url: string): Sink {
  const address = new URL(url);
  const schema = address.searchParams.get("schema") ?? "public";
  address.searchParams.delete("schema");
  let opening: Promise<{ sql: Sql; reserved: ReservedSql }> | null = null;
  const open = () => {
    opening ??= opened(address.href, schema);
    return opening;
  };
  return {
    place: `${address.host}${address.pathname} ${schema}`,
    async session(): Promise<Session> {
      return new SqlSession(new PostgresEngine((await open()).reserved));
    },
    async query(text): Promise<Answer> {
      const { sql } = await open();
      const rows = (await sql.begin("READ ONLY", async (tx) => await tx.unsafe(text))) as Row[] & { columns?: Named[] };
      return { columns: (rows.columns ?? []).map(({ name }) => name), rows: [...rows] };
    },
    async close() {
      if (opening === null) return;
      const { sql, reserved } = await opening;
      reserved.release();
      await sql.end();
      opening = null;
    },
  };
}

type Row = { readonly [column: string]: unknown };
interface Named {
  readonly name: string;
}

async function opened(address: string, schema: string) {
  const { default: postgres } = await import("postgres").catch((cause: unknown) => {
    throw new WarehouseError("invalid", "the driver of PostgreSQL is not installed: npm install postgres", { cause });
  });
  const sql = postgres(address, {
    max: 2,
    onnotice: () => undefined,
    connection: { search_path: quoted(schema), TimeZone: "UTC" },
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
  });
  try {
    await sql.unsafe(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`);
    return { sql, reserved: await sql.reserve() };
  } catch (cause) {
    await sql.end();
    const { code, message } = cause as Error & { code?: string };
    const why = code === "ECONNREFUSED" ? "nothing listens there" : message.split("\n")[0];
    throw new WarehouseError("unreachable", `${new URL(address).host} cannot be used: ${why}`, { cause });
  }
}
