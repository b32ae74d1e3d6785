import PouchDB from "pouchdb-browser";

const local = new PouchDB("bench", { adapter: "idb" });

export async function copy(url) {
  await local.replicate.from(new PouchDB(url, { skip_setup: true }), { batch_size: 1000, batches_limit: 4 });
}

export async function size() {
  return (await local.allDocs({ include_docs: true })).rows.length;
}
