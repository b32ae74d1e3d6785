import type { Database, PreparedStatement, Sqlite3Static } from "@sqlite.org/sqlite-wasm";
import type { Found, SqlDriver, SqlStatement, Value } from "../sql/driver.ts";

/**
 * A database of SQLite's WebAssembly as a driver.
 * - `codeOf`: the result code to tell for what failed.
 */
export function wasmDriver({ capi }: Sqlite3Static, db: Database, codeOf: (error: unknown) => unknown): SqlDriver {
  const told = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw error instanceof Error ? Object.assign(error, { errcode: codeOf(error) }) : error;
    }
  };
  const pointer = () => db.pointer as NonNullable<Database["pointer"]>;
  return {
    exec: (sql) => told(() => void db.exec(sql)),
    prepare: (sql) => {
      const statement = told(() => db.prepare(sql));
      return statementOf(statement, () => capi.sqlite3_last_insert_rowid(pointer()), told);
    },
    get isTransaction() {
      return capi.sqlite3_get_autocommit(pointer()) === 0;
    },
    // With its statements.
    close: () => db.close(),
  };
}

function statementOf(
  statement: PreparedStatement,
  lastInsertRowid: () => bigint,
  told: <T>(work: () => T) => T,
): SqlStatement {
  const bound = (values: readonly Value[]) => (values.length > 0 ? statement.bind([...values]) : statement);
  const reset = () => {
    try {
      statement.reset();
    } catch {
      // It tells once more what the last step told.
    }
  };
  function* rows(values: readonly Value[]): Generator<Found, undefined> {
    try {
      bound(values);
      while (told(() => statement.step())) yield statement.get({});
    } finally {
      reset();
    }
  }
  return {
    run(...values) {
      try {
        told(() => bound(values).step());
      } finally {
        reset();
      }
      return { lastInsertRowid: lastInsertRowid() };
    },
    all: (...values) => [...rows(values)],
    iterate: (...values) => rows(values),
  };
}
