// How many were matched rightly: the generator knows who each record is of, and nobody else does.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DuplicatesResponse, ShownEntity } from "tidemark/ingest";
import { worldOf } from "./systems/people.ts";

const { CUSTOMERS_URL: url = "http://127.0.0.1:4850", CUSTOMERS_DATA } = process.env;
const data = CUSTOMERS_DATA ?? fileURLToPath(new URL("data", import.meta.url));
const { seed, began } = JSON.parse(readFileSync(join(data, "systems/began.json"), "utf8"));
const { people, contacts, answers } = worldOf(seed, began);

/** Visits are left out: they have an address and nothing else, and are matched by it. */
const owners = new Map([...contacts, ...answers].map(({ id, person }) => [id, person]));

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(`${url}/v1/spaces/main${path}`);
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** Whose each source record is, in truth, by the record that it became part of. What came since the start is left out. */
async function clusters(): Promise<number[][]> {
  const pull = await fetch(`${url}/v1/spaces/main/pull`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ subscriptions: [{ scope: "*", collections: ["customers"] }] }),
  });
  const text = await pull.text();
  const ids = [...new Set([...text.matchAll(/"id":"([csw]-[^"]+)"/g)].map(([, id]) => String(id)))];
  const found: number[][] = [];
  for (const id of ids) {
    const { members } = await ask<ShownEntity>(`/ingest/duplicates/customers/${encodeURIComponent(id)}`);
    found.push(members.flatMap(({ key }) => ownerOf(key) ?? []));
  }
  return found;
}

/** `hubspot.contacts/101`, `typeform.responses/["satisfaction","r7x0"]` */
function ownerOf(key: string): number | undefined {
  if (key.startsWith("logins.")) return undefined;
  return owners.get(key.replaceAll(/["\]]/g, "").split(/[/,]/).at(-1) ?? "");
}

const pairs = (count: number) => (count * (count - 1)) / 2;
const tally = (list: readonly number[]) => [...Map.groupBy(list, (each) => each).values()].map(({ length }) => length);
const sum = (list: readonly number[]) => list.reduce((all, each) => all + each, 0);

const all = await clusters();
const made = sum(all.map(({ length }) => pairs(length)));
const right = sum(all.flatMap((cluster) => tally(cluster).map(pairs)));
const wanted = sum(tally(all.flat()).map(pairs));
const { pairs: toAsk } = await ask<DuplicatesResponse>("/ingest/duplicates/customers");
console.log(
  `${all.flat().length} contacts and answers, and visits, became ${all.length} customers; there are ${people.length} people`,
);
console.log(`precision ${(right / made).toFixed(3)} (${right} of ${made} pairs are right)`);
const one = toAsk.filter(({ a, b }) => ownerOf(a) === ownerOf(b)).length;
console.log(`recall ${(right / wanted).toFixed(3)} (${right} of ${wanted} pairs were found)`);
console.log(`${toAsk.length} pairs to ask about, of which ${one} are one person`);
