import { formatCursor, type Point } from "../../model/cursor.ts";
import type { Author } from "../../model/record.ts";
import { utf8 } from "../../util/utf8.ts";
import { Problem } from "../../wire/problem.ts";
import type { PullRequest } from "../../wire/pull.ts";
import { demand } from "../access.ts";
import { answerLines } from "../answer.ts";
import { type Asker, type Core, checkSchemaVersion } from "../core.ts";
import { askOf, refused, sorted } from "../pull.ts";
import { type Subscription, subscriptionOf } from "../subscription.ts";
import type { Bundle } from "./bundle.ts";
import { Ending, PAGE, withMember } from "./delivery.ts";
import type { SharedLines } from "./shared.ts";

/** Characters of lines that are sent in one frame. */
const FRAME = 65_536;

interface Streamed {
  readonly core: Core;
  readonly lines: SharedLines;
  readonly asker: Asker;
  /** What the connection follows, up to where; null: it was told nothing yet. */
  readonly bundle: Bundle;
  readonly at: Point | null;
  readonly author: Author | null;
  /** What it wants to follow besides. */
  readonly request: PullRequest | null;
  /** The `pull` message that it answers, or 0. */
  readonly pull: number;
  /** Called before the answer begins. */
  judged(judgement: { readonly granted: readonly Subscription[]; readonly revoked: readonly string[] }): void;
  /** Sends a frame; resolves when there is room for another, with false where nobody is left to read it. */
  send(frame: Uint8Array): Promise<boolean>;
}

/**
 * An answer for one connection alone, at its own pace: what it subscribes to begins, what it may not read any more ends,
 * and all it follows comes to one revision, which is given back. Null: the connection ended before.
 */
export async function stream(streamed: Streamed): Promise<Point | null> {
  const { core, lines, asker, request, pull } = streamed;
  if (request !== null) checkSchemaVersion(core.settings, request.schema);
  const { granted, revoked } = judged(streamed);
  const ending = new Ending();
  const ask = await askOf(core, asker, { known: request?.known, granted, revoked, addition: ending });
  streamed.judged({ granted, revoked: revoked.map(({ key }) => key) });
  const told = {
    ...ask,
    author: streamed.author,
    page: PAGE,
    lines: (...of: Parameters<typeof lines.of>) => lines.of(...of),
  };
  let text = "";
  let last = "";
  for await (const piece of answerLines(told)) {
    text += last;
    last = piece;
    if (text.length < FRAME) continue;
    if (!(await streamed.send(utf8(text.trimEnd())))) return null;
    text = "";
  }
  text += pull > 0 ? withMember(last, "pull", pull) : last;
  return (await streamed.send(utf8(text.trimEnd()))) ? ending.head : null;
}

/** What the caller may read of what it follows and of what it asks for. */
function judged({ core, asker, request, bundle, at }: Streamed) {
  const limit = core.settings.limits.subscriptions;
  const begun = (request?.subscriptions ?? []).map((each) => subscriptionOf(asker.space, each));
  const keys = new Set(bundle.subscriptions.map(({ key }) => key));
  const twice = begun.findIndex(({ key }) => keys.has(key));
  if (twice >= 0) {
    const path = `subscriptions[${twice}].key`;
    throw new Problem("invalid", "this key is in use: unsubscribe it, and wait until that is answered", { path });
  }
  if (keys.size + begun.length > limit) {
    throw new Problem("too-large", `subscriptions of a connection: at most ${limit}`, { path: "subscriptions" });
  }
  const fresh = sorted(core, asker, begun.map(unmirrored));
  if (begun.length > 0 && fresh.granted.length === 0) throw refused();
  if (begun.length + keys.size === 0) demand(core.access, asker.user, { do: "head", space: asker.space });
  const held = sorted(
    core,
    asker,
    bundle.subscriptions.map((own) => standing(asker.space, own, at)),
  );
  return {
    granted: [...held.granted, ...fresh.granted],
    revoked: [...held.revoked, ...fresh.revoked],
  };
}

/** A filtered fingerprint costs a reading of the scope each time, so it is only for pull and verify (A8). */
function unmirrored(subscription: Subscription): Subscription {
  return { ...subscription, fingerprint: subscription.fingerprint && subscription.matcher === null };
}

/** A subscription with what it was told last as its cursor. */
function standing(space: string, subscription: Subscription, at: Point | null): Subscription {
  if (at === null) return subscription;
  return subscriptionOf(space, {
    ...subscription.coverage,
    key: subscription.key,
    fingerprint: subscription.fingerprint,
    cursor: formatCursor(space, subscription.coverage, { at }),
  });
}
