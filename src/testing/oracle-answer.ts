import type { Line } from "../wire/lines.ts";
import { type Asked, type Atoms, byBytes, type Oracle, same } from "./oracle.ts";

type RecordLine = Extract<Line, { op: "put" | "patch" | "remove" }>;

/** One page of a subscription in an answer: what stands between its `subscription` line, or its last mark, and the next. */
interface Page {
  readonly lines: RecordLine[];
  marked: boolean;
}

export interface Part {
  readonly mode: "delta" | "copy";
  /** Of a delta. */
  readonly since: number;
  /** Where it went on from an earlier answer. */
  readonly goesOn: boolean;
  /** The head when the answer began. */
  readonly began: number;
  readonly pages: Page[];
}

/** The parts of an answer by key; where a subscription's lines come in turns with others', they are put together. */
export function partsOf(lines: readonly Line[]): Map<string, Part> {
  const parts = new Map<string, Part>();
  let page: Page | null = null;
  let began = 0;
  for (const line of lines) {
    if (line.op === "begin") began = line.revision;
    else if (line.op === "subscription") {
      const goesOn = line.mode === "copy" ? line.from !== null : line.reached !== undefined;
      const part = parts.get(line.key) ?? {
        mode: line.mode,
        since: line.mode === "delta" ? line.since : 0,
        goesOn,
        began,
        pages: [],
      };
      parts.set(line.key, part);
      page = { lines: [], marked: false };
      part.pages.push(page);
    } else if (line.op === "mark") {
      if (page !== null) page.marked = true;
      page = { lines: [], marked: false };
      parts.get(line.key)?.pages.push(page);
    } else if (line.op === "put" || line.op === "patch" || line.op === "remove") {
      page?.lines.push(line);
    }
  }
  return parts;
}

/**
 * Judges the lines of one subscription against the oracle (P2): true content, at most one entry a record and page, nothing
 * that need not be said. Whether enough was said is what the replica shows. Gives the flaws, as sentences.
 * - `shown`: the greatest revision of which the replica may hold a page of this subscription already.
 */
export function flawsOf(oracle: Oracle, asked: Asked, part: Part, shown: number): string[] {
  return part.mode === "delta" ? deltaFlaws(oracle, asked, part, shown) : copyFlaws(oracle, asked, part);
}

function deltaFlaws(oracle: Oracle, asked: Asked, part: Part, before: number): string[] {
  const flaws: string[] = [];
  let shown = Math.max(before, part.since);
  for (const page of part.pages) {
    const seen = new Set<string>();
    for (const { op, key, at, atoms, erased } of entriesOf(page.lines)) {
      if (erased) {
        // Before what there is of its id since, and at most once.
        if (seen.has(key)) flaws.push(`${key} is erased after it came`);
        if (!oracle.erased(part.since, at, key)) flaws.push(`${key} was not erased since ${part.since}`);
        if (!wasHeld(oracle, asked, shown, key)) flaws.push(`erasure of ${key}: it never was in the scope`);
        continue;
      }
      if (seen.has(key)) flaws.push(`${key} has two entries in one page`);
      seen.add(key);
      const since = part.since;
      const flaw =
        op === "put"
          ? putFlaw(oracle, asked, since, at, key, atoms)
          : op === "patch"
            ? patchFlaw(oracle, asked, since, at, key, atoms)
            : removeFlaw(oracle, asked, since, shown, at, key);
      if (flaw !== null) flaws.push(`${op} of ${key} at ${at}, since ${since}: ${flaw}`);
    }
    // Later pages may remove what this one may have shown, at whatever revision it was read (P15).
    if (page.marked) shown = oracle.head;
  }
  return flaws;
}

function putFlaw(oracle: Oracle, asked: Asked, since: number, at: number, key: string, atoms: Atoms): string | null {
  if (!oracle.holds(at, asked, key)) return "it is not there";
  if (!same(oracle.record(at, key) ?? null, atoms)) return "its content is another";
  return stayedInOne(oracle, asked, since, at, key) ? "it was there throughout: a patch would do" : null;
}

/** A record that went from one scope of a pattern to another, and back, may come whole (P14). */
function stayedInOne(oracle: Oracle, asked: Asked, since: number, at: number, key: string): boolean {
  if (!asked.scope.endsWith("*") || asked.scope === "*") return stayed(oracle, asked, since, at, key);
  // What was granted since is new, whatever it held.
  if (asked.changed) return false;
  const scopes = oracle.scopesOf(at, key).filter((scope) => scope.startsWith(asked.scope.slice(0, -1)));
  return scopes.some((scope) => asked.readable?.(scope) && stayed(oracle, { ...asked, scope }, since, at, key));
}

function patchFlaw(oracle: Oracle, asked: Asked, since: number, at: number, key: string, atoms: Atoms): string | null {
  if (!stayed(oracle, asked, since, at, key)) return "it was not there throughout: it needs a put";
  const record = oracle.record(at, key) as Atoms;
  const changed = oracle.changed(since, at, key);
  for (const atom of changed) if (!Object.hasOwn(atoms, atom)) return `${atom} changed and is not in it`;
  for (const [atom, value] of Object.entries(atoms)) {
    if (atom === "id") continue;
    if (!changed.has(atom)) return `${atom} did not change`;
    if (!same(value, record[atom] ?? null)) return `${atom} has another value`;
  }
  return null;
}

function removeFlaw(
  oracle: Oracle,
  asked: Asked,
  since: number,
  shown: number,
  at: number,
  key: string,
): string | null {
  if (oracle.holds(at, asked, key)) return "it is there";
  if (!asked.changed && oracle.changed(since, at, key).size === 0 && !moved(oracle, since, at, key))
    return "nothing happened to it";
  return wasHeld(oracle, asked, shown, key) ? null : "it never was in the scope";
}

function wasHeld(oracle: Oracle, asked: Asked, shown: number, key: string): boolean {
  const known = asked.ever === undefined ? asked : { ...asked, readable: asked.ever };
  for (let revision = 0; revision <= shown; revision++) if (oracle.holds(revision, known, key, false)) return true;
  return false;
}

/** Whether the record went from scope to scope, though perhaps nothing of it changed (M8). */
function moved(oracle: Oracle, since: number, at: number, key: string): boolean {
  const before = JSON.stringify(oracle.scopesOf(since, key));
  for (let revision = since + 1; revision <= at; revision++)
    if (JSON.stringify(oracle.scopesOf(revision, key)) !== before) return true;
  return false;
}

/** Whether the record was in the subscription from `since` to `at` as far as its scope and the filter's atoms show. */
function stayed(oracle: Oracle, asked: Asked, since: number, at: number, key: string): boolean {
  for (let revision = since; revision <= at; revision++) if (!oracle.holds(revision, asked, key, false)) return false;
  if (asked.where === undefined) return true;
  const changed = oracle.changed(since, at, key);
  return oracle.holds(at, asked, key) && !Object.keys(asked.where).some((atom) => changed.has(atom));
}

/** The content of each line is that of its revision; where nobody wrote meanwhile, all comes in key order (P5). */
function copyFlaws(oracle: Oracle, asked: Asked, part: Part): string[] {
  const flaws: string[] = [];
  const entries = part.pages.flatMap(({ lines }) => [...entriesOf(lines)]);
  const undisturbed = !part.goesOn && entries.every(({ at }) => at === part.began);
  let last = "";
  for (const { op, key, at, atoms, erased } of entries) {
    if (erased) continue;
    const record = oracle.record(at, key) ?? {};
    const there = oracle.holds(at, asked, key);
    const flaw = (text: string) => flaws.push(`${op} of ${key} at ${at}: ${text}`);
    if (op === "remove" ? there : !there) flaw(there ? "it is there" : "it is not there");
    else if (op === "put" && !same(record, atoms)) flaw("its content is another");
    else if (op === "patch" && Object.entries(atoms).some(([atom, value]) => !same(record[atom] ?? null, value))) {
      flaw("its content is another");
    }
    if (undisturbed && (op !== "put" || byBytes(key, last) <= 0)) flaw(`it comes after ${last}`);
    last = key;
  }
  return flaws;
}

function* entriesOf(
  lines: readonly RecordLine[],
): Generator<{ op: RecordLine["op"]; key: string; at: number; atoms: Atoms; erased: boolean }> {
  for (const line of lines) {
    if (line.op === "remove")
      for (const id of line.ids)
        yield { op: line.op, key: `${line.collection}/${id}`, at: line.at, atoms: {}, erased: line.erased === true };
    else
      for (const atoms of line.records)
        yield { op: line.op, key: `${line.collection}/${atoms.id}`, at: line.at, atoms, erased: false };
  }
}
