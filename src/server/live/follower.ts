import type { Point } from "../../model/cursor.ts";
import { type Author, authorOf, authorParts, type Revision } from "../../model/record.ts";
import type { User } from "../../model/schema.ts";
import { utf8 } from "../../util/utf8.ts";
import type { LiveErrorLine, LiveLine } from "../../wire/live.ts";
import { Problem } from "../../wire/problem.ts";
import type { PullRequest } from "../../wire/pull.ts";
import type { LiveReplica } from "../admin/replicas.ts";
import { logFault, problemOf } from "../problem.ts";
import { OtherHistory } from "../progress.ts";
import { mayFollow, refused } from "../pull.ts";
import type { Bundle } from "./bundle.ts";
import type { Changes } from "./changes.ts";
import type { Delivery } from "./delivery.ts";
import type { Room } from "./room.ts";
import { CLOSE, type CloseCode } from "./socket.ts";
import { type Admitted, admitted, stream, type Told } from "./stream.ts";

/** What the followed is told through. */
export interface Outlet {
  readonly space: string;
  /** Null: it has not said whose it is. */
  readonly user: User | null;
  /** The principal as a replica may keep it (C9). */
  readonly principal: string;
  readonly open: boolean;
  /** Whether nothing more can be taken for now. */
  readonly full: boolean;
  readonly changes: Changes;
  send(frame: Uint8Array): void;
  refuse(of: LiveErrorLine["of"], problem: Problem): void;
  fail(problem: Problem, code: CloseCode): void;
}

/** What waits until the answer before it has ended. */
type Work =
  | { readonly kind: "subscribe"; readonly request: PullRequest }
  | { readonly kind: "unsubscribe"; readonly keys: readonly string[] }
  /** Of all that is followed, for this connection alone; `newsOnly`: where there is any. */
  | { readonly kind: "answer"; readonly newsOnly: boolean };

/** Where a follower stands, as a round takes it. */
export interface Place {
  readonly bundle: Bundle;
  readonly at: Point;
  /** Whose last mutation is to be told. */
  readonly author: Author | null;
}

/** What one connection follows, and how far it was told. One answer is under way at a time. */
export class Follower {
  private readonly outlet: Outlet;
  private readonly room: Room;
  private author: Author | null = null;
  private bundle: Bundle;
  /** What was told last; null: nothing yet. */
  private at: Told | null = null;
  /** Keys that ended by themselves, which a client that does not know it yet may still name. */
  private ended: ReadonlySet<string> = new Set();
  private busy = false;
  private works: Work[] = [];
  /** The last `pull` message that waits for its answer, and the one that the answer under way is for; 0: none. */
  private asked = 0;
  private answering = 0;
  /** While its pushes are under way, and once more after, what is told says how far its client's mutations are in it (W9). */
  private pushing = 0;
  private own = false;
  /** The answer under way is after all its pushes. */
  private settled = false;
  /** A round passed it by. */
  private missed = false;
  /** What was tried failed: it is not tried again before the room wakes. */
  private stuck = false;

  constructor(outlet: Outlet, room: Room) {
    this.outlet = outlet;
    this.room = room;
    this.bundle = room.bundles.enter(NOTHING);
    room.enter(this);
  }

  /** Whom the rows that are read for it count for. */
  get user(): User {
    return this.outlet.user ?? { id: "" };
  }

  /** Works that wait for their turn. */
  get waiting(): number {
    return this.works.length;
  }

  get stands(): Pick<LiveReplica, "client" | "subscriptions" | "tidemark"> {
    const client = this.author === null ? null : authorParts(this.author).client;
    return { client, subscriptions: this.bundle.subscriptions, tidemark: this.at?.revision ?? null };
  }

  isBehind(head: Revision): boolean {
    return this.at !== null && this.at.revision < head;
  }

  // What the client wants

  subscribe(request: PullRequest): void {
    this.works.push({ kind: "subscribe", request });
    this.go();
  }

  unsubscribe(keys: readonly string[]): void {
    this.works.push({ kind: "unsubscribe", keys });
    this.go();
  }

  pull(number: number): void {
    this.asked = number;
    this.go();
  }

  /** A push begins. What is returned is called when it has been answered. */
  push(client: string): () => void {
    this.nameClient(client);
    this.pushing++;
    this.own = true;
    return () => {
      this.pushing--;
      this.go();
    };
  }

  /** Permissions may be others: who may not read any more what it follows is told (L4). */
  review(): void {
    if (this.bundle.alone) return this.look(false);
    if (this.mayFollow() || this.bundle.subscriptions.length === 0) return;
    this.works.unshift({ kind: "answer", newsOnly: false });
    this.go();
  }

  /** There is room again. */
  drained(): void {
    this.go();
  }

  leave(): boolean {
    this.works = [];
    this.room.bundles.leave(this.bundle);
    return this.room.leave(this);
  }

  // What the room does with it

  /** Takes part in a round, until `release`; null where it cannot. `force`: where it is alone, it tells also no news. */
  take(force: boolean): Place | null {
    const { outlet, at, bundle } = this;
    if (!outlet.open || outlet.user === null || at === null) return null;
    if (bundle.alone) {
      this.look(force);
      return null;
    }
    if (this.busy || this.works.length > 0 || outlet.full) {
      this.missed = true;
      return null;
    }
    this.begin();
    return { bundle, at, author: this.own || this.answering > 0 ? this.author : null };
  }

  /** `force`: also where there is nothing new but the revision. */
  deliver(delivery: Delivery, force: boolean): void {
    const behind = force && this.isBehind(delivery.head.revision);
    const due = delivery.changed || behind || this.answering > 0 || this.settled;
    if (!this.outlet.open || !due) return;
    // A push that began meanwhile may be in it, and its client's last mutation is not.
    if (this.own && this.author !== null && !delivery.tells(this.author)) {
      this.missed = true;
      return;
    }
    const { answering } = this;
    if (!this.mayFollow()) {
      if (this.bundle.subscriptions.length > 0) return this.answerAlone();
      this.refusePull(refused());
    } else {
      this.told(delivery.head);
      const more = { author: this.own || answering > 0 ? this.author : null, pull: answering };
      for (const frame of delivery.frames(this.outlet.principal, more)) this.outlet.send(frame);
    }
    this.rest();
  }

  /** What is to be told is not what others are told, or too long to be told at once. */
  answerAlone(): void {
    this.works.unshift({ kind: "answer", newsOnly: false });
  }

  /** Whether there is news is looked for alone, at most once at a time. */
  private look(force: boolean): void {
    const waits = this.works.filter((work) => work.kind === "answer");
    this.works = this.works.filter((work) => work.kind !== "answer");
    this.works.push({ kind: "answer", newsOnly: !force && waits.every(({ newsOnly }) => newsOnly) });
    this.go();
  }

  /** The round came to nothing. It is tried again when the room wakes. */
  failed(problem: Problem): void {
    this.stuck = true;
    this.refusePull(problem);
  }

  /** What it was told last is not in the store's history any more (R2). That is settled by requests: they say what they know. */
  estranged(problem: OtherHistory): void {
    this.outlet.fail(problem, CLOSE.restart);
  }

  release(): void {
    this.busy = false;
    this.go();
  }

  // Answers

  /** What is read from here on is after what was asked, and pushed, until now. */
  private begin(): void {
    this.busy = true;
    this.missed = false;
    this.stuck = false;
    this.answering = this.asked;
    this.settled = this.own && this.pushing === 0;
  }

  private told({ revision, hash }: Point, cursors = this.at?.cursors ?? NO_CURSORS): void {
    this.at = { revision, hash, cursors };
    if (this.asked === this.answering) this.asked = 0;
  }

  /** After what was told of its pushes. */
  private rest(): void {
    if (this.settled && this.pushing === 0) this.own = false;
  }

  /** Goes on with what waits, if it can. */
  private go(): void {
    const { open, user, full } = this.outlet;
    if (!open || this.busy || user === null || full) return;
    if (this.at === null && this.asked > 0 && this.works.length === 0)
      this.works.push({ kind: "answer", newsOnly: false });
    if (this.works.length > 0) void this.work();
    else if (this.at !== null && (this.asked > 0 || this.owes)) this.room.tell(this);
  }

  private get owes(): boolean {
    return !this.stuck && (this.missed || (this.own && this.pushing === 0));
  }

  private async work(): Promise<void> {
    this.begin();
    const { core } = this.room;
    const done = core.active.begin();
    const work = this.works.shift() as Work;
    const begun = { yes: false };
    try {
      if (work.kind === "unsubscribe") this.end(work.keys);
      else if (work.kind === "answer") await this.answer([], begun, work.newsOnly);
      else {
        const admitted = this.admit([work.request, ...this.subscribing()]);
        if (admitted.length > 0) await this.answer(admitted, begun);
      }
    } catch (error) {
      logFault(core.log, error, { space: this.outlet.space, work: "live" });
      const problem = problemOf(error);
      // What was begun cannot be finished: the client goes on from its marks, on another connection.
      if (error instanceof OtherHistory) this.estranged(error);
      else if (begun.yes) this.outlet.fail(problem, CLOSE.fault);
      else if (work.kind === "answer") this.refusePull(problem);
      else this.outlet.refuse(work.kind, problem);
      this.stuck = !(error instanceof Problem);
      if (this.stuck) this.room.again();
    } finally {
      done();
      this.busy = false;
      this.outlet.changes.happened();
      this.go();
    }
  }

  /** The subscribe messages that wait next: one answer is for all, so that a thousand do not cost a thousand times all. */
  private subscribing(): PullRequest[] {
    const requests: PullRequest[] = [];
    for (let next = this.works[0]; next?.kind === "subscribe"; next = this.works[0]) {
      requests.push(next.request);
      this.works.shift();
    }
    return requests;
  }

  private admit(requests: readonly PullRequest[]): Admitted[] {
    const keys = new Set(this.bundle.subscriptions.map(({ key }) => key));
    const asker = { space: this.outlet.space, user: this.user };
    return requests.flatMap((request) => {
      try {
        const begun = admitted(this.room.core, asker, request, keys);
        if (request.client !== undefined) this.nameClient(request.client);
        return begun;
      } catch (error) {
        this.outlet.refuse("subscribe", problemOf(error));
        return [];
      }
    });
  }

  private async answer(begun: readonly Admitted[], sent: { yes: boolean }, newsOnly = false): Promise<void> {
    const { outlet, room, bundle, at, user, answering } = this;
    const told = await stream({
      core: room.core,
      lines: room.lines,
      asker: { space: outlet.space, user },
      bundle,
      at,
      newsOnly: newsOnly && answering === 0 && !this.settled,
      author: this.author,
      pull: answering,
      begun,
      judged: ({ granted, revoked }) => {
        sent.yes = true;
        this.follow(granted);
        this.ended = new Set([...this.ended, ...revoked]);
      },
      send: async (frame) => {
        // In the middle of an answer nothing can be taken out of it.
        if (!this.mayFollow()) outlet.fail(refused(), CLOSE.policy);
        outlet.send(frame);
        await outlet.changes.until(() => !outlet.full || !outlet.open);
        return outlet.open;
      },
    });
    if (told === "nothing") return room.passed();
    if (told === "ended") return;
    this.told(told, told.cursors);
    this.rest();
  }

  private end(keys: readonly string[]): void {
    const { subscriptions } = this.bundle;
    const unknown = keys.findIndex((key) => !this.ended.has(key) && !subscriptions.some((own) => own.key === key));
    if (unknown >= 0)
      throw new Problem("not-found", "there is no subscription of this key", { path: `keys[${unknown}]` });
    this.ended = new Set([...this.ended].filter((key) => !keys.includes(key)));
    this.follow(subscriptions.filter(({ key }) => !keys.includes(key)));
    const line: LiveLine = { op: "unsubscribed", keys };
    this.outlet.send(utf8(JSON.stringify(line)));
  }

  private follow(subscriptions: Bundle["subscriptions"]): void {
    if (!this.outlet.open) return;
    const before = this.bundle;
    this.bundle = this.room.bundles.enter(subscriptions);
    this.room.bundles.leave(before);
    this.ended = new Set([...this.ended].filter((ended) => !subscriptions.some(({ key }) => key === ended)));
  }

  private refusePull(problem: Problem): void {
    if (this.answering === 0) return;
    if (this.asked === this.answering) this.asked = 0;
    this.outlet.refuse("pull", problem);
  }

  private nameClient(client: string): void {
    this.author ??= authorOf(this.user.id, client);
  }

  // Permission

  /** Whether it may still read all that it follows; where that is nothing, whether it may know the head. */
  private mayFollow(): boolean {
    const { access } = this.room.core;
    const { space } = this.outlet;
    const { subscriptions } = this.bundle;
    if (subscriptions.length === 0) return access.authorize(this.user, { do: "head", space });
    return subscriptions.every((subscription) => mayFollow(access, this.user, space, subscription));
  }
}

const NOTHING: Bundle["subscriptions"] = [];
const NO_CURSORS: ReadonlyMap<string, string> = new Map();
