import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const PouchDB = require("pouchdb").plugin(require("pouchdb-adapter-memory"));

export async function follow(url, name, told) {
  const local = new PouchDB(name, { adapter: "memory" });
  const remote = new PouchDB(url, { skip_setup: true });
  await local.replicate.from(remote, { batch_size: 1000 });
  local.replicate.from(remote, { live: true, retry: true }).on("change", ({ docs }) => {
    for (const { _id, updated } of docs) told(_id, updated);
  });
}

export async function openWriter(url) {
  const remote = new PouchDB(url, { skip_setup: true });
  const { rows } = await remote.allDocs();
  const revisions = new Map(rows.map(({ id, value }) => [id, value.rev]));
  return async ({ id, ...row }) => {
    const { rev } = await remote.put({ _id: id, _rev: revisions.get(id), ...row });
    revisions.set(id, rev);
  };
}
