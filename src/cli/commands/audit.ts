import { type Audit, auditEnd, auditOf, auditRun } from "../../model/audit.ts";
import { readPoint } from "../../model/cursor.ts";
import { GENESIS } from "../../model/entry.ts";
import type { HeadResponse } from "../../wire/head.ts";
import { entryOf, type JournalResponse, type WireEntry } from "../../wire/journal.ts";
import { askJson, type Space } from "../api.ts";
import { command, SPACE_ARGS } from "../command.ts";
import type { Output } from "../output.ts";
import { openWhere } from "../where.ts";

const ENTRIES = 500;

export default command({
  name: "audit",
  description: "Proves the journal's chain of hashes from end to end",
  args: {
    where: { type: "positional", required: true, description: "a server's address, a data folder or postgres://…" },
    ...SPACE_ARGS,
  },
  async run({ args, env, out }) {
    const { space, close } = await openWhere(args.where, args, env);
    try {
      const head = await askJson<HeadResponse>(space, "");
      const audit = await auditSpace(space, head, out);
      out.data({ space: space.name, revision: head.revision, ...reportOf(audit) });
      out.print(sentenceOf(space, head, audit));
      return audit.finding === null ? 0 : 1;
    } finally {
      await close();
    }
  },
});

/** Reads the journal up to the head as it was when the audit began. */
async function auditSpace(space: Space, head: HeadResponse, out: Output): Promise<Audit> {
  const progress = out.progress("audit", head.revision, "entries");
  let audit = auditOf(head.horizon);
  let since = 0;
  try {
    while (audit.finding === null && since < head.revision) {
      const { entries } = await askJson<JournalResponse>(space, `/journal?since=${since}&limit=${ENTRIES}`);
      const run = entries.filter(({ revision }) => revision <= head.revision);
      if (run.length === 0) break;
      audit = auditRun(audit, run.map(entryOf));
      since = (run.at(-1) as WireEntry).revision;
      progress.update(since);
    }
  } finally {
    progress.stop();
  }
  return auditEnd(audit, { revision: head.revision, hash: headHash(space, head, audit) });
}

/** A cursor holds only the beginning of the hash: where it is that of the last entry, the whole one is taken as equal. */
function headHash({ name }: Space, { cursor }: HeadResponse, { point }: Audit): string {
  const beginning = readPoint(name, cursor)?.hash ?? "";
  const last = point?.hash ?? GENESIS;
  return last.startsWith(beginning) ? last : beginning;
}

function reportOf({ finding, proved, stubs, erased }: Audit) {
  return { holds: finding === null, proved, cut: stubs, erased, ...(finding === null ? {} : { finding }) };
}

function sentenceOf(space: Space, head: HeadResponse, { finding, proved, stubs, erased }: Audit): string {
  const cut = stubs === 0 ? "" : ` Of ${stubs} more, retention has left number, time and hash.`;
  const gone = erased === 0 ? "" : ` Of ${erased} changes that were erased, the hashes are left, which it covers.`;
  if (finding === null)
    return `The journal of ${space.name} holds: ${proved} entries proved, up to ${head.revision}.${cut}${gone}`;
  return `The journal of ${space.name} does not hold: entry ${finding.revision} was ${finding.what} (${finding.detail}). ${proved} entries before it are proved.`;
}
