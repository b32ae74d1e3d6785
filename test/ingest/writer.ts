// Picks up a stream, page by page, until somebody kills it: `writer.ts FOLDER|URL LATER`. Each line is a commit.
import { clean, Ingest, type Source, type Stream } from "../../src/ingest/index.ts";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { systemClock } from "../../src/util/clock.ts";
import { rulesFor } from "./rules.ts";

const [place = "", later = "0"] = process.argv.slice(2);
const isUrl = place.startsWith("postgres");
/** Its clock goes ahead, so that the lease of one that was killed before has ended. */
const clock = { ...systemClock, now: () => systemClock.now() + Number(later) };
const SIZE = 10;

/** Endless: record n is there from the beginning; each 7th is bad. */
const stream: Stream = {
  name: "things",
  key: ["id"],
  deletes: "reported",
  async *read({ cursor }) {
    const from = Number(cursor ?? 0);
    for (let page = 0; page < 20; page++) {
      const first = from + page * SIZE;
      const changes = Array.from({ length: SIZE }, (_, i) => {
        const n = first + i;
        return { op: "put", key: [String(n)], value: { n: n % 7 === 3 ? "bad" : n }, position: `list#${n}` } as const;
      });
      yield { changes, cursor: first + SIZE, ...(page === 19 && { last: "caught-up" as const }) };
    }
  },
};
const source: Source = { name: "list", streams: [stream], check: async () => {} };
const number = {
  name: "number",
  apply: (value: unknown) => (typeof value === "number" ? { value } : { flaw: "no number" }),
};
const store = isUrl ? await openPostgresStore({ url: place }) : openSqliteStore({ path: place });
const cleaned = clean(stream, { collection: "things", normalise: { n: number } });
const folder = isUrl ? null : place;
const ingest = new Ingest({ store, folder, rules: rulesFor(clock) }, { acme: [{ source, streams: [cleaned] }] });
for (;;) {
  await ingest.run("acme", "list.things", {
    progress: ({ cursorAfter }, phase) => {
      if (phase === "committing") process.stdout.write(`${cursorAfter}\n`);
    },
  });
}
