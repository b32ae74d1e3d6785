import type { Point } from "../../model/cursor.ts";
import type { Author, Revision } from "../../model/record.ts";
import { type Core, countRows } from "../core.ts";
import { logFault, problemOf } from "../problem.ts";
import { OtherHistory } from "../progress.ts";
import { type Bundle, Bundles } from "./bundle.ts";
import { Delivery } from "./delivery.ts";
import type { Follower } from "./follower.ts";
import { SharedLines, SharedReader } from "./shared.ts";

/** Whoever was told nothing of a commit, since nothing of it was theirs, hears of its revision after so long (L1). */
const TOLD = 20_000;
/** A store that failed is asked again after so long. */
const RETRY = 1_000;

/** Those who stand at the same place. */
interface Group {
  readonly bundle: Bundle;
  readonly at: Point;
  readonly members: Follower[];
  readonly authors: Set<Author>;
}

/**
 * The live connections of one space. A commit wakes it; in rounds it tells those who can take it what is new since what
 * they were told last. Whoever cannot, since its socket is full, is told all at once later: nothing is kept for it but
 * its place (L2).
 */
export class Room {
  readonly space: string;
  readonly bundles: Bundles;
  /** Its reads are shared by all in the room. */
  readonly core: Core;
  readonly lines = new SharedLines();
  private readonly members = new Set<Follower>();
  private readonly due = new Set<Follower>();
  private readonly left = new AbortController();
  private readonly leaveWaiting: () => void;
  private all = false;
  private force = false;
  private running = false;
  private telling = false;
  private retrying = false;

  constructor(core: Core, space: string) {
    this.space = space;
    this.core = { ...core, followed: new SharedReader(core.followed, core.clock) };
    this.bundles = new Bundles(space);
    this.leaveWaiting = core.waiting.enter(space, { wake: () => this.wake() });
  }

  enter(follower: Follower): void {
    this.members.add(follower);
  }

  /** True where it was the last. */
  leave(follower: Follower): boolean {
    this.members.delete(follower);
    this.due.delete(follower);
    if (this.members.size > 0) return false;
    this.left.abort();
    this.leaveWaiting();
    return true;
  }

  /** This follower is to be told, whether or not anything was committed. */
  tell(follower: Follower): void {
    this.due.add(follower);
    this.start();
  }

  private wake(): void {
    this.all = true;
    this.start();
  }

  private start(): void {
    if (this.running) return;
    this.running = true;
    void this.run();
  }

  private async run(): Promise<void> {
    const { clock, stopping } = this.core;
    while ((this.all || this.due.size > 0) && !stopping.aborted && !this.left.signal.aborted) {
      // Commits and messages that come in the same turn share a round.
      await clock.sleep(0);
      const ended = this.core.active.begin();
      await this.round();
      ended();
    }
    this.running = false;
  }

  private async round(): Promise<void> {
    const { force } = this;
    const wanted = this.all ? [...this.members] : [...this.due];
    this.all = false;
    this.force = false;
    this.due.clear();
    const groups = this.groupsOf(wanted, force);
    const heads = await Promise.all(groups.map((group) => this.deliver(group, force)));
    const head = Math.max(0, ...heads);
    if ([...this.members].some((member) => member.isBehind(head))) this.tellLater();
  }

  private groupsOf(wanted: readonly Follower[], force: boolean): Group[] {
    const groups = new Map<Bundle, Map<Point["hash"], Group>>();
    const found: Group[] = [];
    for (const follower of wanted) {
      const place = follower.take(force);
      if (place === null) continue;
      const { bundle, at, author } = place;
      let places = groups.get(bundle);
      if (places === undefined) {
        places = new Map();
        groups.set(bundle, places);
      }
      let group = places.get(at.hash);
      if (group === undefined) {
        group = { bundle, at, members: [], authors: new Set() };
        places.set(at.hash, group);
        found.push(group);
      }
      group.members.push(follower);
      if (author !== null) group.authors.add(author);
    }
    return found;
  }

  /** Gives the head as of which the group was told; 0 where it was not. */
  private async deliver({ bundle, at, members, authors }: Group, force: boolean): Promise<Revision> {
    const { core, space, lines } = this;
    const first = members[0] as Follower;
    try {
      // What was read once counts once, for the one who stands first.
      const rows = (count: number) => countRows(core, first.user, count);
      const delivery = await Delivery.make(core, lines, { space, bundle, at, authors, rows });
      for (const member of members) {
        if (delivery === null) member.answerAlone();
        else member.deliver(delivery, force);
      }
      return delivery?.head.revision ?? 0;
    } catch (error) {
      logFault(core.log, error, { space, work: "live" });
      if (error instanceof OtherHistory) for (const member of members) member.estranged(error);
      else {
        for (const member of members) member.failed(problemOf(error));
        this.again();
      }
      return 0;
    } finally {
      for (const member of members) member.release();
    }
  }

  /** Wakes a little later: the store failed. */
  again(): void {
    const { signal } = this.left;
    if (this.retrying) return;
    this.retrying = true;
    void this.core.clock.sleep(RETRY, signal).then(() => {
      this.retrying = false;
      if (!signal.aborted) this.wake();
    });
  }

  /** Somebody who is told alone had no news: it hears of the revision later. */
  passed(): void {
    this.tellLater();
  }

  private tellLater(): void {
    if (this.telling) return;
    this.telling = true;
    const { signal } = this.left;
    void this.core.clock.sleep(TOLD, signal).then(() => {
      this.telling = false;
      if (signal.aborted) return;
      this.force = true;
      this.wake();
    });
  }
}
