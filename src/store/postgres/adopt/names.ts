/** Any name of SQL, quoted. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Any text as a literal of SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** What an id of one column or of several is made of: the parts, with a comma between them. */
const ESCAPED = /[%,\u0000-\u001f\u007f-\u009f]/gu;

/**
 * The id of a row: its key's columns as PostgreSQL writes them, with a comma between several. What an id may not hold, and
 * in a key of several columns the comma, is percent-encoded, so that the id can be taken apart again. "%00" is the empty
 * text, since U+0000 stands in none.
 */
export function idOf(parts: readonly string[]): string {
  const several = parts.length > 1;
  const encoded = parts.map((part) =>
    part === ""
      ? "%00"
      : part.replace(ESCAPED, (character) => (character === "," && !several ? "," : percent(character))),
  );
  return encoded.join(",");
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

/** The columns of the key that an id was made of; null where it was made of no such key. */
export function partsOf(id: string, count: number): string[] | null {
  const parts = count > 1 ? id.split(",") : [id];
  if (parts.length !== count) return null;
  const decoded = parts.map((part) =>
    part === "%00"
      ? ""
      : part.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
  return idOf(decoded) === id && !decoded.some((part) => part.includes("\u0000")) ? decoded : null;
}
