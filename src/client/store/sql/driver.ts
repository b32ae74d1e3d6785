export type Value = string | number | null;
export type Found = { readonly [column: string]: unknown };

/**
 * SQLite as the stores use it: `DatabaseSync` of Node is one as it is. What fails throws an Error whose `errcode` is
 * SQLite's result code.
 */
export interface SqlDriver {
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
  readonly isTransaction: boolean;
  close(): void;
}

export interface SqlStatement {
  run(...values: Value[]): { readonly lastInsertRowid: number | bigint };
  all(...values: Value[]): Found[];
  /** Row by row: what comes before a damaged row is still read. */
  iterate(...values: Value[]): Iterable<Found>;
}
