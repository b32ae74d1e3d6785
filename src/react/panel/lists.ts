import { createElement as h, type ReactNode } from "react";
import type { InspectedOutcome, InspectedSubscription, Inspection, Status, VerifyReport } from "../../client/index.ts";

/** Pending mutations that are listed; of more, their number is told. */
const LISTED = 20;

type Told = InspectedOutcome["mutation"];

export function Pending({ pending }: Pick<Inspection, "pending">): ReactNode {
  const more = pending.length - LISTED;
  return section(
    `Pending mutations (${pending.length})`,
    pending.length === 0 ? "Nothing waits." : null,
    pending.slice(0, LISTED).map(({ seq, mutation }) => h("li", { key: seq }, writesOf(mutation))),
    more > 0 ? `and ${more} more` : null,
  );
}

export function Subscriptions({
  subscriptions,
  status,
}: Pick<Inspection, "subscriptions"> & { status: Status }): ReactNode {
  return section(
    `Subscriptions (${subscriptions.length})`,
    subscriptions.length === 0 ? "There is none: nothing is followed." : null,
    subscriptions.map((each) =>
      h(
        "li",
        { key: each.key },
        h("span", { className: "tm-side" }, each.count === null ? "not counted" : `${numbers(each.count)} records`),
        h("code", null, each.key),
        each.key === each.scope ? null : ` of ${each.scope}`,
        h("br"),
        h("span", { className: each.revoked ? "tm-bad" : "tm-soft" }, standing(each, status)),
      ),
    ),
  );
}

/** How far it is: its tidemark, and how much that lies behind the replica's. */
function standing({ key, revision, revoked, collections, where }: InspectedSubscription, status: Status): string {
  if (revoked) return "refused: this principal may not read it";
  const copy = status.copies[key];
  const part = [collections?.join(", "), where && "filtered"].filter(Boolean).join(", ");
  const only = part === "" ? "" : ` · only ${part}`;
  if (copy) return `copying: ${numbers(copy.done)} of ${copy.total === null ? "unknown" : numbers(copy.total)}${only}`;
  if (revision === null) return `not filled yet${only}`;
  const behind = Math.max(0, status.revision - revision);
  // Whether the server has more is known only to whom it can tell.
  const level = status.state === "upToDate" ? "no lag" : "lag unknown";
  return `tidemark ${numbers(revision)} · ${behind === 0 ? level : `${numbers(behind)} revisions behind`}${only}`;
}

export function Outcomes({ outcomes }: Pick<Inspection, "outcomes">): ReactNode {
  return section(
    "Last outcomes",
    outcomes.length === 0 ? "No mutation has been settled in the last day." : null,
    outcomes.map(({ seq, mutation, outcome, time }) =>
      h(
        "li",
        { key: seq },
        h("time", { className: "tm-side", dateTime: new Date(time).toISOString() }, clock(time)),
        h("span", { className: `tm-${outcome.status}` }, outcome.status),
        " ",
        writesOf(mutation),
        h(Why, { outcome }),
      ),
    ),
  );
}

function Why({ outcome }: Pick<InspectedOutcome, "outcome">): ReactNode {
  if (outcome.status === "rejected") return h("p", { className: "tm-soft" }, outcome.message);
  if (outcome.status !== "superseded") return null;
  const parts = outcome.superseded.map(
    ({ collection, id, atoms, reason }) => `${collection}/${id} ${atoms.join(", ")} (${reason})`,
  );
  return h("p", { className: "tm-soft" }, `the server's value stands: ${parts.join("; ")}`);
}

/** What a verification has found, in a sentence. */
export function findings({ ok, subscriptions }: VerifyReport): string {
  const records = subscriptions.reduce((sum, { count }) => sum + count, 0);
  if (ok) return `Verified: ${numbers(records)} records in ${subscriptions.length} subscriptions are as on the server.`;
  const differences = subscriptions.flatMap((each) => each.differences);
  const copied = subscriptions.filter((each) => each.copied).map(({ key }) => key);
  const named = differences.slice(0, 5).map(({ collection, id, kind }) => `${collection}/${id} ${kind}`);
  const more = differences.length > 5 ? ` and ${differences.length - 5} more` : "";
  const repaired = differences.length === 0 ? "" : `Differed and was repaired: ${named.join(", ")}${more}. `;
  return repaired + (copied.length === 0 ? "" : `Copied anew: ${copied.join(", ")}.`);
}

function section(title: string, empty: string | null, items: readonly ReactNode[], more: string | null = null) {
  return h(
    "section",
    { "aria-label": title },
    h("h3", null, title),
    empty === null ? h("ul", null, items) : h("p", { className: "tm-soft" }, empty),
    more === null ? null : h("p", { className: "tm-soft" }, more),
  );
}

function writesOf({ writes }: Told): ReactNode {
  return writes.map((write, i) => {
    const id = write.op === "delete" ? write.id : write.record.id;
    const atoms =
      write.op === "update"
        ? ` ${Object.keys(write.record)
            .filter((atom) => atom !== "id")
            .join(", ")}`
        : "";
    return h(
      "span",
      { key: i },
      i > 0 ? "; " : "",
      `${write.op} `,
      h("code", null, `${write.collection}/${id}`),
      atoms,
    );
  });
}

export const numbers = (count: number): string => count.toLocaleString();
export const clock = (time: number): string => new Date(time).toLocaleTimeString();
