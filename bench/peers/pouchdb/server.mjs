import { createRequire } from "node:module";
import { join } from "node:path";
import express from "express";
import expressPouch from "express-pouchdb";
import { record } from "../../records.ts";

const PouchDB = createRequire(import.meta.url)("pouchdb");
const documentOf = ({ id, ...row }) => ({ _id: id, ...row });

export async function start({ folder, records }) {
  const Pouch = PouchDB.defaults({ prefix: `${folder}/` });
  const app = express();
  app.use("/", expressPouch(Pouch, { logPath: join(folder, "log.txt"), inMemoryConfig: true, mode: "fullCouchDB" }));
  const db = new Pouch("tasks");
  for (let at = 0; at < records; at += 2000) {
    const count = Math.min(2000, records - at);
    await db.bulkDocs(Array.from({ length: count }, (_, i) => documentOf(record(at + i))));
  }
  const http = await new Promise((ready) => {
    const listening = app.listen(0, "127.0.0.1", () => ready(listening));
  });
  return {
    address: `http://127.0.0.1:${http.address().port}/tasks`,
    change: async (rows) => {
      const { rows: held } = await db.allDocs({ keys: rows.map(({ id }) => id) });
      await db.bulkDocs(rows.map((row, i) => ({ ...documentOf(row), _rev: held[i].value.rev })));
    },
    holds: async (ids) => (await db.allDocs({ keys: [...ids] })).rows.filter(({ value }) => value).length,
  };
}
