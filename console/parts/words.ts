// Numbers, times and sizes, as people read them.

const whole = new Intl.NumberFormat("en-US");

export function count(value: number): string {
  return whole.format(value);
}

/** "1 record", "2 records". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value: number): string {
  let unit = 0;
  let rest = value;
  while (rest >= 1_024 && unit < UNITS.length - 1) {
    rest /= 1_024;
    unit++;
  }
  return `${unit === 0 || rest >= 100 ? Math.round(rest) : rest.toFixed(1)} ${UNITS[unit]}`;
}

const STEPS: readonly [name: string, seconds: number][] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** "3 min", "2 d". */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const [name, size] = STEPS.find(([, each]) => seconds >= each) ?? ["s", 1];
  return `${Math.floor(seconds / size)} ${name}`;
}

export function ago(iso: string, now: number): string {
  const ms = now - Date.parse(iso);
  return ms < 2_000 ? "now" : `${span(ms)} ago`;
}

const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export function exact(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.valueOf()) ? iso : moment.format(date);
}

/** A value of an atom in one short line. */
export function brief(value: unknown, most = 60): string {
  if (value === undefined) return "–";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** The atoms of a record but its id, in one short line. */
export function preview(record: { readonly [atom: string]: unknown }, most = 200): string {
  const parts = Object.entries(record)
    .filter(([atom]) => atom !== "id")
    .map(([atom, value]) => `${atom}: ${brief(value, 40)}`);
  return brief(parts.join(" · "), most);
}

/** Names of users by their ids, where the server keeps accounts and tells them. */
let userNames: ReadonlyMap<string, string> = new Map();

export function nameUsers(names: ReadonlyMap<string, string>): void {
  userNames = names;
}

export function who({ user, client }: { readonly user: string; readonly client: string | null }): string {
  if (user === "" && (client === null || client === "")) return "the server";
  const name = userNames.get(user) ?? user;
  if (name === "" || client === null || client === "") return name === "" ? String(client) : name;
  return `${name} · ${client}`;
}

/** Unix milliseconds as the rest of the console tells times. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
