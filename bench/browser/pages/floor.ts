/** The least that puts records where a page finds them again: one request, JSON.parse, one transaction. */

const request = indexedDB.open("floor", 1);
request.onupgradeneeded = () => request.result.createObjectStore("tasks", { keyPath: "id" });
const opened = done(request);

export async function copy(url: string): Promise<void> {
  const db = await opened;
  const rows = JSON.parse(await (await fetch(`${url}/copy`)).text()) as object[];
  const transaction = db.transaction("tasks", "readwrite", { durability: "strict" });
  const tasks = transaction.objectStore("tasks");
  for (const row of rows) tasks.put(row);
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = reject;
  });
}

export async function size(): Promise<number> {
  const db = await opened;
  return (await done(db.transaction("tasks").objectStore("tasks").getAll())).length;
}

function done<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
