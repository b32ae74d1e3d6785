import { isOfLink } from "../../model/link.ts";
import { originIn } from "../../model/origin.ts";
import { authorOf, type Origin } from "../../model/record.ts";
import type { JsonObject } from "../../util/json.ts";
import type { HistoryResponse } from "../../wire/journal.ts";
import { askJson } from "../api.ts";
import { command, SPACE_ARGS } from "../command.ts";
import { shown, table } from "../output.ts";
import { openWhere } from "../where.ts";

type Version = HistoryResponse["versions"][number];

export default command({
  name: "history",
  description: "Shows who changed which atom of a record when",
  args: {
    where: { type: "positional", required: true, description: "a server's address, a data folder or postgres://…" },
    collection: { type: "positional", required: true, description: "the record's collection" },
    id: { type: "positional", required: true, description: "the record's id" },
    ...SPACE_ARGS,
  },
  async run({ args, env, out }) {
    const { space, close } = await openWhere(args.where, args, env);
    try {
      const path = `/history/${encodeURIComponent(args.collection)}/${encodeURIComponent(args.id)}`;
      const history = await askJson<HistoryResponse>(space, path);
      out.data(history);
      if (history.versions.length > 0) return out.print(tableOf(history.versions));
      out.print(`The journal holds nothing about ${args.collection}/${args.id}.`);
      return 1;
    } finally {
      await close();
    }
  },
});

const HEADER = ["REVISION", "TIME", "WHO", "CHANGE"];

/** Where something came from another server, with a column that says who wrote it there. */
function tableOf(versions: readonly Version[]): string {
  if (versions.every(({ origin }) => origin === undefined)) return table([HEADER, ...versions.flatMap(rowsOf)]);
  const rows = versions.flatMap((version) => {
    const origins = originRows(version);
    return rowsOf(version).map((row, i) => [...row, origins[i] ?? ""]);
  });
  return table([[...HEADER, "FIRST WRITTEN BY"], ...rows]);
}

/** For each of `changesOf`. */
function originRows(version: Version): string[] {
  const { before, after, origin } = version;
  const atoms = after === null ? [null] : atomsOf(version);
  const texts = atoms.map((atom) => originText(originIn(origin, atom)));
  return after !== null && before === null ? ["", ...texts] : texts;
}

function originText(origin: Origin | undefined): string {
  if (origin === undefined) return "";
  const { server, revision, user, client, mutation } = origin;
  const number = mutation === undefined ? "" : ` #${mutation}`;
  return `${user} · ${client}${number}, revision ${revision}${server === undefined ? "" : ` of ${server}`}`;
}

/** One row for each atom; revision, time and author only on the first. */
function rowsOf(version: Version): string[][] {
  const { user, client, mutation } = version.author;
  const by = isOfLink(authorOf(user, client))
    ? `${client}, revision ${mutation} upstream`
    : `${user} · ${client} #${mutation}`;
  const lead = [String(version.revision), version.at, by];
  return changesOf(version).map((change, i) => [...(i === 0 ? lead : ["", "", ""]), change]);
}

function atomsOf({ before, after }: Version): string[] {
  return Object.keys({ ...before, ...after }).filter((atom) => atom !== "id");
}

function changesOf(version: Version): string[] {
  const { before, after, erased } = version;
  if (erased) return ["erased"];
  if (after === null) return ["deleted"];
  const changes = atomsOf(version).map((atom) => `${atom}: ${valueOf(before, atom)} → ${valueOf(after, atom)}`);
  return before === null ? ["created", ...changes] : changes;
}

function valueOf(atoms: JsonObject | null, atom: string): string {
  return shown(atoms?.[atom] ?? null);
}
