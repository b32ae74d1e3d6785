import type { Recovery, Status } from "../../client/index.ts";
import { shown } from "../output.ts";
import type { Arrival } from "./observed.ts";

/** `cities/123: population 1 → 2 (revision 171077)` */
export function arrivalText({ collection, id, before, after }: Arrival, revision: number): string {
  const name = `${collection}/${id}`;
  const at = `(revision ${revision})`;
  if (after === null) return `${name}: gone ${at}`;
  if (before === null) {
    const atoms = Object.entries(after).map(([atom, value]) => `${atom} ${shown(value)}`);
    return `${name}: new: ${atoms.join(", ")} ${at}`;
  }
  const atoms = Object.keys(after).map((atom) => `${atom} ${shown(before[atom])} → ${shown(after[atom])}`);
  return `${name}: ${atoms.join(", ")} ${at}`;
}

/** Many changes at once in one line. */
export function summaryText(arrivals: readonly Arrival[], revision: number): string {
  const fresh = arrivals.filter(({ before }) => before === null).length;
  const gone = arrivals.filter(({ after }) => after === null).length;
  const changed = arrivals.length - fresh - gone;
  const parts = [fresh && `${fresh} records arrived`, changed && `${changed} changed`, gone && `${gone} went`];
  return `${parts.filter(Boolean).join(", ")} (revision ${revision})`;
}

export function recoveryText(recovery: Recovery): string {
  switch (recovery.reason) {
    case "diverged": {
      const offered =
        recovery.policy === "heal"
          ? `${recovery.offered} lost writes of ours offered again`
          : "writes since then dropped";
      return `recovered: the server was restored from a backup; its history and ours part after revision ${recovery.common}, so all was copied anew (${recovery.policy}: ${offered})`;
    }
    case "lost":
      return `recovered: the server had lost writes that it had acknowledged; ${recovery.offered} offered again`;
    case "expired":
      return `recovered: ${recovery.key} was away for longer than the server keeps tombstones, so it was copied anew`;
    case "changed":
    case "new":
      return `recovered: ${recovery.key} was copied anew (${recovery.reason})`;
    case "rewound":
      return "recovered: this store is a copy or an older state of another one; it goes on under a new client id";
    case "evicted":
    case "damaged":
      return `recovered: the local store was damaged (${recovery.message}), so all is copied anew`;
    case "asked":
      return "recovered: all was copied anew";
  }
}

const BAR = 20;

/** `copying ████████░░░░░░░░░░░░ 40 % · 40,000 of 100,000 records`; null: nothing is being copied (C15). */
export function copyText(copies: Status["copies"]): string | null {
  const all = Object.values(copies);
  if (all.length === 0) return null;
  const done = all.reduce((sum, each) => sum + each.done, 0);
  const total = all.reduce<number | null>(
    (sum, each) => (sum === null || each.total === null ? null : sum + each.total),
    0,
  );
  const shown = (count: number) => count.toLocaleString("en");
  if (total === null) return `copying · ${shown(done)} records so far`;
  const part = total === 0 ? 1 : done / total;
  const bar = "█".repeat(Math.floor(part * BAR)).padEnd(BAR, "░");
  return `copying ${bar} ${Math.floor(part * 100)} % · ${shown(done)} of ${shown(total)} records`;
}

export function stateText({ state, cause, revision }: Status): string {
  switch (state) {
    case "upToDate":
      return `up to date at revision ${revision}`;
    case "connecting":
    case "behind":
    case "repairing":
      return `${state} (at revision ${revision})`;
    default:
      return `${state}: ${cause ?? "no cause known"}`;
  }
}
