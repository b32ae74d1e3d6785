import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const PouchDB = require("pouchdb").plugin(require("pouchdb-adapter-memory"));

const BATCHES = { batch_size: 1000, batches_limit: 4 };

export async function open(url, { run }) {
  const local = new PouchDB(`run${run}`, { adapter: "memory" });
  const remote = new PouchDB(url, { skip_setup: true });
  const pull = async () => {
    await local.replicate.from(remote, BATCHES);
  };
  const push = async () => {
    await local.replicate.to(remote, BATCHES);
  };
  return {
    copy: pull,
    read: (id) => local.get(id).catch(() => undefined),
    size: async () => (await local.info()).doc_count,
    offline: async () => {},
    nothing: pull,
    catchUp: pull,
    queue: async (rows) => {
      // The first push of a replica asks the server about every record that was pulled: seconds, once.
      await push();
      await local.bulkDocs(rows.map(({ id, ...row }) => ({ _id: id, ...row })));
    },
    push,
    close: () => local.close(),
  };
}
