/** A table as the log knows it at the time of a change. */
export interface Relation {
  readonly oid: number;
  readonly name: string;
  readonly columns: readonly string[];
  /** Changes when the columns do. */
  readonly shape: string;
}

/** Texts of the columns; null: NULL; undefined: unchanged and too large to be told again. */
export type Tuple = readonly (string | null | undefined)[];

export type LoggedChange =
  | { readonly does: "insert"; readonly relation: Relation; readonly row: Tuple }
  | { readonly does: "update"; readonly relation: Relation; readonly row: Tuple; readonly old: Tuple | null }
  | { readonly does: "delete"; readonly relation: Relation; readonly old: Tuple }
  | { readonly does: "truncate"; readonly relations: readonly Relation[] };

export interface LoggedTransaction {
  /** Where its commit stands in the log, and where that ends. */
  readonly position: bigint;
  readonly end: bigint;
  readonly changes: readonly LoggedChange[];
}

/**
 * Reads the messages of pgoutput, protocol version 1:
 * https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 * What a transaction did comes as a whole, when it has committed.
 */
export class Decoder {
  readonly #relations = new Map<number, Relation>();
  #open: { position: bigint; changes: LoggedChange[] } | null = null;

  /** Whether a transaction has begun to come and has not ended. */
  get within(): boolean {
    return this.#open !== null;
  }

  /** The transaction that ends with this message; else null. */
  take(message: Buffer): LoggedTransaction | null {
    const reader = new Reader(message);
    switch (reader.character()) {
      case "B":
        this.#open = { position: reader.long(), changes: [] };
        return null;
      case "C": {
        reader.skip(1 + 8);
        const end = reader.long();
        const { position, changes } = this.#open ?? { position: end, changes: [] };
        this.#open = null;
        return { position, end, changes };
      }
      case "R":
        this.#relation(reader);
        return null;
      case "I":
      case "U":
      case "D":
      case "T":
        this.#open?.changes.push(this.#change(String.fromCharCode(message[0] as number), reader));
        return null;
      default:
        // Origins, types and messages tell nothing of rows.
        return null;
    }
  }

  #relation(reader: Reader): void {
    const oid = reader.int();
    const schema = reader.text();
    const name = `${schema}.${reader.text()}`;
    reader.skip(1);
    const columns: string[] = [];
    const types: number[] = [];
    for (let left = reader.short(); left > 0; left--) {
      reader.skip(1);
      columns.push(reader.text());
      types.push(reader.int());
      reader.skip(4);
    }
    this.#relations.set(oid, { oid, name, columns, shape: JSON.stringify([name, columns, types]) });
  }

  #change(kind: string, reader: Reader): LoggedChange {
    if (kind === "T") {
      const count = reader.int();
      reader.skip(1);
      return { does: "truncate", relations: Array.from({ length: count }, () => this.#known(reader.int())) };
    }
    const relation = this.#known(reader.int());
    let part = reader.character();
    if (kind === "I") return { does: "insert", relation, row: reader.tuple() };
    const old = part === "N" ? null : reader.tuple();
    if (kind === "D") return { does: "delete", relation, old: old ?? [] };
    if (old !== null) part = reader.character();
    return { does: "update", relation, row: reader.tuple(), old };
  }

  #known(oid: number): Relation {
    const relation = this.#relations.get(oid);
    if (relation === undefined) throw new Error(`the log tells of the table ${oid} before it describes it`);
    return relation;
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  character(): string {
    return String.fromCharCode(this.#bytes.readUInt8(this.#at++));
  }

  short(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  long(): bigint {
    this.#at += 8;
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  /** Ended by a zero byte. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return text;
  }

  tuple(): Tuple {
    return Array.from({ length: this.short() }, () => {
      const kind = this.character();
      if (kind === "n") return null;
      if (kind === "u") return undefined;
      const length = this.int();
      this.#at += length;
      return this.#bytes.toString("utf8", this.#at - length, this.#at);
    });
  }
}
