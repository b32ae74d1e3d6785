import { formatCursor, type Point, readCursor } from "../../model/cursor.ts";
import type { Author } from "../../model/record.ts";
import { utf8 } from "../../util/utf8.ts";
import { Problem } from "../../wire/problem.ts";
import type { PullRequest } from "../../wire/pull.ts";
import { demand } from "../access.ts";
import { answerLines, hasNews } from "../answer.ts";
import { authoredLines, tellsAuthors } from "../authors.ts";
import { type Asker, type Core, checkSchemaVersion } from "../core.ts";
import { endCursor, OtherHistory } from "../progress.ts";
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
  readonly at: Told | null;
  /** Nothing is said where there is nothing new. */
  readonly newsOnly: boolean;
  readonly author: Author | null;
  /** What it begins to follow besides. */
  readonly begun: readonly Admitted[];
  /** The `pull` message that it answers, or 0. */
  readonly pull: number;
  /** Called before the answer begins. */
  judged(judgement: { readonly granted: readonly Subscription[]; readonly revoked: readonly string[] }): void;
  /** Sends a frame; resolves when there is room for another, with false where nobody is left to read it. */
  send(frame: Uint8Array): Promise<boolean>;
}

/** What a connection was told last. */
export interface Told extends Point {
  /** For each pattern that it follows, by its key: which scopes it stood for is in it. */
  readonly cursors: ReadonlyMap<string, string>;
}

/**
 * An answer for one connection alone, at its own pace: what it subscribes to begins, what it may not read any more ends,
 * and all it follows comes to one revision. "ended": the connection did before; "nothing": there was no news.
 */
export async function stream(streamed: Streamed): Promise<Told | "ended" | "nothing"> {
  const { core, lines, asker, bundle, at, begun, pull } = streamed;
  const held = sorted(
    core,
    asker,
    bundle.subscriptions.map((own) => standing(asker.space, own, at)),
  );
  const granted = [...held.granted, ...begun.flatMap((each) => each.granted)];
  const revoked = [...held.revoked, ...begun.flatMap((each) => each.revoked)];
  if (granted.length + revoked.length === 0) demand(core.access, asker.user, { do: "head", space: asker.space });
  const ending = new Ending();
  const known = begun.some((each) => each.known) ? begun.flatMap((each) => each.known ?? []) : undefined;
  const ask = await askOf(core, asker, { known, granted, revoked, addition: ending });
  const followed = new Set(held.granted.map(({ key }) => key));
  const isFollowed = ({ subscription }: (typeof ask.progress)[number]) => followed.has(subscription.key);
  if (ask.progress.some((own) => own.reason === "diverged" && isFollowed(own))) throw new OtherHistory();
  if (streamed.newsOnly && revoked.length === 0 && !(await hasNews(ask))) return "nothing";
  streamed.judged({ granted, revoked: revoked.map(({ key }) => key) });
  const told = {
    ...ask,
    author: streamed.author,
    page: PAGE,
    lines: (...of: Parameters<typeof lines.of>) => lines.of(...of),
  };
  let text = "";
  let last = "";
  const authored = granted.some((each) => each.authors) && tellsAuthors(core, asker, { authors: true });
  for await (const piece of authored ? authoredLines(told) : answerLines(told)) {
    text += last;
    last = piece;
    if (text.length < FRAME) continue;
    if (!(await streamed.send(utf8(text.trimEnd())))) return "ended";
    text = "";
  }
  text += pull > 0 ? withMember(last, "pull", pull) : last;
  if (!(await streamed.send(utf8(text.trimEnd())))) return "ended";
  const cursors = new Map(at?.cursors);
  for (const own of ask.progress) {
    const cursor = own.pattern === null ? undefined : endCursor(asker.space, own, ending.head);
    if (cursor !== undefined) cursors.set(own.subscription.key, cursor);
  }
  return { ...ending.head, cursors };
}

/** What one subscribe message begins, once it is admitted. */
export interface Admitted {
  readonly granted: readonly Subscription[];
  readonly revoked: readonly Subscription[];
  readonly known: readonly string[] | undefined;
}

/**
 * Judges one subscribe message. `keys`: those in use, to which its own are added.
 *
 * @throws what it is refused for as a whole, as a pull would be.
 */
export function admitted(core: Core, asker: Asker, request: PullRequest, keys: Set<string>): Admitted {
  checkSchemaVersion(core.settings, request.schema);
  const begun = request.subscriptions.map((each) =>
    unmirrored(subscriptionOf(asker.space, each, tellsAuthors(core, asker, request))),
  );
  const twice = begun.findIndex(({ key }) => keys.has(key));
  if (twice >= 0) {
    const path = `subscriptions[${twice}].key`;
    throw new Problem("invalid", "this key is in use: unsubscribe it, and wait until that is answered", { path });
  }
  const limit = core.settings.limits.subscriptions;
  if (keys.size + begun.length > limit) {
    throw new Problem("too-large", `subscriptions of a connection: at most ${limit}`, { path: "subscriptions" });
  }
  const { granted, revoked } = sorted(core, asker, begun);
  if (begun.length > 0 && granted.length === 0) throw refused();
  if (begun.length + keys.size === 0) demand(core.access, asker.user, { do: "head", space: asker.space });
  for (const { key } of granted) keys.add(key);
  return { granted, revoked, known: request.known };
}

/** A filtered fingerprint costs a reading of the scope each time, so it is only for pull and verify (A8). */
function unmirrored(subscription: Subscription): Subscription {
  const { matcher, prefix, fingerprint } = subscription;
  return {
    ...subscription,
    fingerprint: matcher === null && (prefix === null || !fingerprint ? fingerprint : "small"),
  };
}

/** A subscription with what it was told last as its cursor. */
function standing(space: string, subscription: Subscription, at: Told | null): Subscription {
  if (at === null) return subscription;
  const { key, coverage } = subscription;
  const cursor = at.cursors.get(key) ?? formatCursor(space, coverage, { at });
  return { ...subscription, reading: readCursor(space, coverage, cursor) };
}
