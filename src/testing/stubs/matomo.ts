import type { JsonObject } from "../../util/json.ts";
import { json, Stub } from "./stub.ts";

export interface Visit {
  readonly id: number;
  /** Unix seconds. */
  readonly lastAction: number;
  readonly actions: number;
  /** Who was signed in, as the site names them. */
  readonly user?: string | null;
}

export interface MatomoStub extends Stub {
  readonly visits: Map<number, Visit>;
}

/** Matomo's visits. What is wrong is said with status 200; numbers come as text now and then. */
export function matomoStub({ token }: { token: string }): MatomoStub {
  const visits = new Map<number, Visit>();
  const base = new Stub(({ path, query, body }) => {
    if (path !== "/index.php") return new Response("not found", { status: 404 });
    const asked = new URLSearchParams([...query, ...new URLSearchParams(body)]);
    if (asked.get("token_auth") !== token)
      return json({
        result: "error",
        message: "You can't access this resource as it requires 'view' access for the website id = 1.",
      });
    if (asked.get("method") === "SitesManager.getSiteFromId") return json({ idsite: "1", name: "Example" });
    if (asked.get("method") !== "Live.getLastVisitsDetails")
      return json({ result: "error", message: "The method is not available." });
    const later = Number(asked.get("minTimestamp") ?? 0);
    const [first = "", last = ""] = (asked.get("date") ?? "").split(",");
    const end = Date.parse(last) / 1000 + 86_400;
    const found = [...visits.values()]
      .filter(({ lastAction }) => lastAction > later && lastAction >= Date.parse(first) / 1000 && lastAction < end)
      .sort((a, b) => a.lastAction - b.lastAction || a.id - b.id);
    if (asked.get("filter_sort_order") !== "asc") found.reverse();
    const offset = Number(asked.get("filter_offset") ?? 0);
    return json(found.slice(offset, offset + Number(asked.get("filter_limit") ?? 100)).map(shown));
  });
  return Object.assign(base, { visits });
}

function shown({ id, lastAction, actions, user = null }: Visit): JsonObject {
  return {
    idSite: "1",
    idVisit: String(id),
    visitorId: `v${id}`,
    userId: user,
    visitIp: "203.0.113.0",
    serverTimestamp: lastAction,
    lastActionTimestamp: lastAction,
    actions: String(actions),
    actionDetails: Array.from({ length: actions }, (_, index) => ({
      type: "action",
      url: `https://example.org/${index}`,
    })),
  };
}
