// Types from the schemas to every place where an application meets its records. Nothing of it runs: the compiler reads it,
// once over the sources, and once over what is published.
import { createCollection } from "@tanstack/db";
import { type Client, createClient } from "tidemark/client";
import { typedHooks } from "tidemark/react";
import { tidemarkCollectionOptions } from "tidemark/tanstack-db";
import { collections, type Task } from "./collections.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Refused by the compiler unless the two types are the same. */
function same<A, B>(_: Same<A, B>): void {}

const client = createClient({ url: "https://example.org", space: "main", schema: { collections } });
same<typeof client, Client<typeof collections>>(true);

export async function reading(): Promise<void> {
  const [task] = await client.query({ collection: "tasks" });
  same<NonNullable<typeof task>["status"], "todo" | "done">(true);
  same<NonNullable<typeof task>["due"], string | undefined>(true);
  console.log(task satisfies Task | undefined);
  const title: string | undefined = task?.title;
  // @ts-expect-error: a title is a text
  const number: number | undefined = task?.title;
  const person = await client.get("people", "ann");
  same<NonNullable<typeof person>["name"], string>(true);
  const stop = client.observe({ collection: "tasks" }, (records) => same<(typeof records)[0]["order"], number>(true));
  // @ts-expect-error: a task has no such atom
  console.log(task?.tilte);
  // @ts-expect-error: no collection has this name
  await client.query({ collection: "task" });
  // @ts-expect-error: no collection has this name
  await client.get("persons", "ann");
  console.log(title, number, stop);
}

export function writing(): void {
  client.mutate((tx) => {
    tx.insert("tasks", { id: "1", title: "Milk", status: "todo", order: 1 });
    tx.update("tasks", "1", { status: "done", due: null, order: { $add: 1 } });
    tx.insert("notes", { id: "1", whatever: [1, { deep: true }] });
    tx.delete("people", "ann");
    // @ts-expect-error: the order is missing
    tx.insert("tasks", { id: "1", title: "Milk", status: "todo" });
    // @ts-expect-error: a task has no such atom
    tx.update("tasks", "1", { tilte: "Bread" });
    // @ts-expect-error: a status is one of two
    tx.insert("tasks", { id: "1", title: "Milk", status: "later", order: 1 });
    // @ts-expect-error: a status is one of two
    tx.update("tasks", "1", { status: "later" });
    // @ts-expect-error: an id is never changed
    tx.update("tasks", "1", { id: "2" });
    // @ts-expect-error: no collection has this name
    tx.delete("person", "ann");
  });
}

const { TidemarkProvider, useClient, useQuery, useRecord, useMutate } = typedHooks<typeof collections>();

export function Component(): void {
  TidemarkProvider({ client });
  same<ReturnType<typeof useClient>, Client<typeof collections>>(true);
  const { records } = useQuery({ collection: "tasks", where: { status: "todo" }, orderBy: "order" });
  same<(typeof records)[0]["status"], "todo" | "done">(true);
  const person = useRecord("people", "ann");
  same<NonNullable<typeof person>["name"], string>(true);
  same<ReturnType<typeof useMutate>, typeof client.mutate>(true);
  // @ts-expect-error: no collection has this name
  useQuery({ collection: "task" });
  // @ts-expect-error: a person has no title
  console.log(person?.title);
}

const rows = createCollection(tidemarkCollectionOptions({ client, collection: "tasks", scope: "*" }));

export function joined(): void {
  console.log(rows.get("1") satisfies Task | undefined);
  rows.insert({ id: "1", title: "Milk", status: "todo", order: 1 });
  // @ts-expect-error: the title is missing
  rows.insert({ id: "1", status: "todo", order: 1 });
}

// Without collections any name and any atoms may be used.
const open = createClient({ url: "https://example.org", space: "main" });

export async function untyped(): Promise<void> {
  open.mutate((tx) => tx.insert("anything", { id: "1", at: 1 }));
  console.log((await open.query({ collection: "anything" })).length);
}
