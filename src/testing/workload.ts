import { inherit } from "../model/inherit.ts";
import type { Write } from "../model/mutation.ts";
import type { RecordData } from "../model/record.ts";
import { type Collections, collection } from "../model/schema.ts";
import type { Json } from "../util/json.ts";
import type { Asked, Atoms, OracleCollection } from "./oracle.ts";
import type { SeededRandom } from "./random.ts";

const PROJECTS = ["p1", "p2", "p3"];
const TEAMS = ["red", "blue"];
const STATES = ["open", "done", "late"];
const FOLDERS = ["a", "b", "c", "d", "e"];
const COLLECTIONS = ["tasks", "tasks", "tasks", "notes", "things", "comments", "comments", "folders", "files"];
const INHERITING = new Set(["comments", "folders", "files"]);
/** Also ids whose order by UTF-16 units is not that by UTF-8 bytes, and with what keys are made of. */
const IDS = ["a", "b", "c", "d", "e", "f", "g", "a/b", "ä", "\ufb01", "\u{1f41f}", "Z"];

/** Collections with all that moves: two scopes that change, one that may be absent, none at all, and three policies. */
export const WORKLOAD_COLLECTIONS: { readonly [name: string]: OracleCollection } = {
  tasks: {
    scopes: ({ project, team }) => [...(project ? [`project/${project}`] : []), ...(team ? [`team/${team}`] : [])],
    atoms: { points: "sum", labels: "set", mood: "client" },
  },
  notes: { scopes: ({ project }) => (project ? [`project/${project}`] : []) },
  things: { scopes: () => [] },
  comments: { scopes: { atom: "task", from: "tasks" } },
  folders: {
    scopes: { atom: "folder", from: "folders", otherwise: ({ project }) => (project ? [`project/${project}`] : []) },
  },
  files: { scopes: { atom: "folder", from: "folders" } },
};

/** The collections as a server is told of them. */
export function configured(collections: { readonly [name: string]: OracleCollection }): Collections {
  return Object.fromEntries(
    Object.entries(collections).map(([name, { scopes, atoms }]) => {
      const rule = typeof scopes === "function" ? scopes : inherit(scopes.atom, scopes.from, scopes.otherwise);
      return [name, collection({ scopes: rule, ...(atoms && { atoms }) })];
    }),
  );
}

/** One of each kind of subscription. */
export const WORKLOAD_SUBSCRIPTIONS: readonly (Asked & { readonly key: string; readonly fingerprint?: boolean })[] = [
  { key: "all", scope: "*" },
  { key: "all tasks", scope: "*", collections: ["tasks"] },
  { key: "notes and things", scope: "*", collections: ["things", "notes"] },
  ...PROJECTS.map((project) => ({ key: project, scope: `project/${project}` })),
  ...TEAMS.map((team) => ({ key: team, scope: `team/${team}` })),
  { key: "projects", scope: "project/*" },
  { key: "teams and their files", scope: "team/*" },
  { key: "comments and files", scope: "project/*", collections: ["comments", "files"] },
  { key: "open in projects", scope: "project/*", where: { status: "open" }, fingerprint: true },
  { key: "notes of p1", scope: "project/p1", collections: ["notes"] },
  { key: "open", scope: "*", where: { status: "open" }, fingerprint: true },
  { key: "open in p1", scope: "project/p1", where: { status: "open" } },
  {
    key: "not done in p2",
    scope: "project/p2",
    where: { status: { $ne: "done" }, rank: { $gte: 3 } },
    fingerprint: true,
  },
  { key: "low or absent", scope: "team/red", where: { rank: { $in: [0, 1, 2, null] } }, fingerprint: true },
  { key: "middle tasks", scope: "*", collections: ["tasks"], where: { rank: { $gt: 2, $lte: 7 } } },
  { key: "early titles", scope: "project/p3", where: { title: { $lt: "b", $gte: "a" } }, fingerprint: true },
];

/**
 * Random writes of one mutation. `tag` goes into what they write, so that each value tells who wrote it and when.
 * - `age`: how many mutations came before. Beside the ids that are always in use some are new, and soon given up: what a
 *   scope has never held before is a case of its own (P2, P5).
 * - `look`: the record as the writer knows it, by `collection/id`; it decides what is likely to be written, not what is allowed.
 */
export function randomWrites(
  random: SeededRandom,
  tag: string,
  age: number,
  look: (key: string) => Atoms | null,
): Write[] {
  const writes: Write[] = [];
  const touched = new Set<string>();
  const count = random.chance(0.6) ? 1 : random.between(2, 5);
  for (let i = 0; i < count; i++) {
    const collection = random.pick(COLLECTIONS);
    const id =
      collection === "folders"
        ? random.pick(FOLDERS)
        : random.chance(0.3)
          ? `n${Math.floor(age / 6) + random.below(3)}`
          : random.pick(IDS);
    const key = `${collection}/${id}`;
    if (touched.has(key)) continue;
    touched.add(key);
    writes.push(...writesOf(random, collection, id, `${tag}.${i}`, age, look(key)));
  }
  return writes;
}

function writesOf(
  random: SeededRandom,
  collection: string,
  id: string,
  tag: string,
  age: number,
  known: Atoms | null,
): Write[] {
  const insert: Write = { op: "insert", collection, record: { id, ...fresh(random, collection, tag, age) } };
  const remove: Write = { op: "delete", collection, id };
  const there = random.chance(0.95) ? known !== null : known === null;
  if (!there) return [insert];
  if (random.chance(id.startsWith("n") ? 0.3 : 0.1)) return [remove];
  if (random.chance(0.08)) return [remove, insert];
  const record: RecordData = { id, ...changed(random, collection, tag, age, known) };
  return [
    random.chance(0.1)
      ? { op: "update", collection, record, expect: expectation(random, known) }
      : { op: "update", collection, record },
  ];
}

/** Beside those that are always in use some are new, so that a pattern comes to stand for more (P14). */
function someProject(random: SeededRandom, age: number): string {
  return random.chance(0.12) ? `n${Math.floor(age / 8)}` : random.pick(PROJECTS);
}

/** What a record inherits from: now and then nobody, or one that is not there. */
function someParent(random: SeededRandom, collection: string, age: number): { [atom: string]: Json } {
  if (collection === "comments")
    return { task: random.chance(0.3) ? `n${Math.floor(age / 6) + random.below(3)}` : random.pick(IDS) };
  return { folder: random.chance(collection === "folders" ? 0.4 : 0.1) ? null : random.pick(FOLDERS) };
}

function fresh(random: SeededRandom, collection: string, tag: string, age: number): { [atom: string]: Json } {
  const atoms: { [atom: string]: Json } = { title: titled(random, tag), status: random.pick(STATES) };
  if (random.chance(0.8)) atoms.project = someProject(random, age);
  if (INHERITING.has(collection)) Object.assign(atoms, someParent(random, collection, age));
  if (random.chance(0.6)) atoms.rank = random.below(10);
  if (random.chance(0.3)) atoms.body = { tag, lines: [1, null, { deep: tag }], mark: "\u0000" };
  if (collection === "tasks") {
    if (random.chance(0.6)) atoms.team = random.pick(TEAMS);
    if (random.chance(0.4)) atoms.points = random.below(5);
  }
  return atoms;
}

function changed(
  random: SeededRandom,
  collection: string,
  tag: string,
  age: number,
  known: Atoms | null,
): { [atom: string]: Json } {
  const choices: { [atom: string]: () => Json } = {
    title: () => titled(random, tag),
    status: () => random.pick(STATES),
    project: () => (random.chance(0.15) ? null : someProject(random, age)),
    rank: () => (random.chance(0.2) ? null : random.below(10)),
    body: () => (random.chance(0.3) ? null : { tag }),
  };
  if (collection === "tasks") {
    choices.team = () => (random.chance(0.3) ? null : random.pick(TEAMS));
    choices.points = () => ({ $add: random.between(-2, 3) });
    choices.labels = () => ({ $insert: [random.pick(["x", "y", "z"])], $remove: random.chance(0.3) ? ["x"] : [] });
    choices.mood = () => (random.chance(0.2) ? null : tag);
  }
  const atoms: { [atom: string]: Json } = {};
  if (INHERITING.has(collection) && random.chance(0.3)) Object.assign(atoms, someParent(random, collection, age));
  for (const atom of random.shuffled(Object.keys(choices)).slice(0, random.between(1, 3)))
    atoms[atom] = (choices[atom] as () => Json)();
  // Now and then the value that stands already: no conflict and no change (W1).
  if (random.chance(0.1) && known?.title !== undefined) atoms.title = known.title;
  return atoms;
}

function expectation(random: SeededRandom, known: Atoms | null): { [atom: string]: Json } {
  return random.chance(0.7) ? { status: known?.status ?? null } : { status: random.pick(STATES) };
}

function titled(random: SeededRandom, tag: string): string {
  return `${random.pick(["a", "b", "\u{1f41f}", "\uff5e"])} ${tag}`;
}
