import type { Json } from "../../../util/json.ts";

/** Under these settings PostgreSQL writes the texts that are read here, whoever asks it to. */
export const TEXT_SETTINGS = {
  DateStyle: "ISO",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  extra_float_digits: "1",
  bytea_output: "hex",
} as const;

export const SET_TEXT = Object.entries(TEXT_SETTINGS)
  .map(([name, value]) => `SET LOCAL ${name} = '${value}'`)
  .join("; ");

/** How a column's values are written in JSON. */
export type Kind = "boolean" | "number" | "timestamp" | "bytes" | "json" | "list" | "padded" | "text";

const KINDS: { readonly [type: string]: Kind } = {
  bool: "boolean",
  int2: "number",
  int4: "number",
  float4: "number",
  float8: "number",
  timestamptz: "timestamp",
  timestamp: "timestamp",
  bytea: "bytes",
  json: "json",
  jsonb: "json",
  bpchar: "padded",
};

/**
 * Of a type's name in pg_type. What has no kind of its own is the text that PostgreSQL writes: nothing of it is lost,
 * and so are int8 and numeric, which a double cannot hold, unless the plan says `as: "number"`.
 */
export function kindOf(type: string, list: boolean, as: "number" | undefined): Kind {
  if (list) return "list";
  if (as === "number" && (type === "int8" || type === "numeric")) return "number";
  return KINDS[type] ?? "text";
}

/** A value of a column, from PostgreSQL's text of it. */
export function jsonOf(kind: Kind, text: string): Json {
  switch (kind) {
    case "boolean":
      return text === "t" || text === "true";
    case "number": {
      const value = Number(text);
      return Number.isFinite(value) ? value : text;
    }
    case "timestamp":
      return isoOf(text);
    case "bytes":
      return Buffer.from(text.slice(2), "hex").toString("base64");
    case "json":
      return JSON.parse(text) as Json;
    case "list":
      return listOf(text);
    case "padded":
      return text.replace(/ +$/, "");
    case "text":
      return text;
  }
}

/** `2026-01-02 03:04:05.6+00` as `2026-01-02T03:04:05.6Z`; infinity and years BC stay as they are. */
function isoOf(text: string): string {
  const parts = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(\+00)?$/.exec(text);
  return parts === null ? text : `${parts[1]}T${parts[2]}${parts[3] === undefined ? "" : "Z"}`;
}

/** An array of any depth, its items as text: `{1,NULL,{"a b"}}`. */
function listOf(text: string): Json {
  // Bounds that are not the usual ones stand in front: [0:1]={…}
  let at = text.indexOf("{");
  const list = (): Json[] => {
    const items: Json[] = [];
    at++;
    while (text[at] !== "}") {
      if (text[at] === ",") at++;
      else if (text[at] === "{") items.push(list());
      else items.push(item());
    }
    at++;
    return items;
  };
  const item = (): Json => {
    const from = at;
    if (text[at] !== '"') {
      while (text[at] !== "," && text[at] !== "}") at++;
      const bare = text.slice(from, at);
      return bare === "NULL" ? null : bare;
    }
    let value = "";
    for (at++; text[at] !== '"'; at++) {
      if (text[at] === "\\") at++;
      value += text[at];
    }
    at++;
    return value;
  };
  return at < 0 ? text : list();
}

/** What PostgreSQL reads a value of JSON from; null: NULL. It says itself whether it is one of the column's type. */
export function textOf(kind: Kind, value: Json): string | null {
  if (value === null) return null;
  if (kind === "json") return JSON.stringify(value);
  if (kind === "list" && Array.isArray(value)) return literalOf(value);
  if (kind === "bytes" && typeof value === "string") return `\\x${Buffer.from(value, "base64").toString("hex")}`;
  return typeof value === "string" ? value : typeof value === "object" ? JSON.stringify(value) : String(value);
}

function literalOf(items: readonly Json[]): string {
  const texts = items.map((item) => {
    if (item === null) return "NULL";
    if (Array.isArray(item)) return literalOf(item);
    const text = typeof item === "object" ? JSON.stringify(item) : String(item);
    return `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${texts.join(",")}}`;
}

/** The columns of a row as PostgreSQL writes it: `(1,"a ""b""",)`, where nothing between commas is NULL. */
export function rowOf(text: string): (string | null)[] {
  const values: (string | null)[] = [];
  let at = 1;
  for (;;) {
    let value: string | null = null;
    while (text[at] !== "," && text[at] !== ")") {
      value ??= "";
      if (text[at] === '"') {
        for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
          if (text[at] === "\\" || text[at] === '"') at++;
          value += text[at];
        }
      } else if (text[at] === "\\") value += text[++at];
      else value += text[at];
      at++;
    }
    values.push(value);
    if (text[at++] === ")") return values;
  }
}
