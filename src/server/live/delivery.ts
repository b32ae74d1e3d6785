import { type Point, pointOf } from "../../model/cursor.ts";
import type { Author } from "../../model/record.ts";
import type { ClientQuery } from "../../store/store.ts";
import { utf8 } from "../../util/utf8.ts";
import { type Addition, type Ask, answerLines } from "../answer.ts";
import type { Core } from "../core.ts";
import { lineText } from "../lines.ts";
import { progressOf } from "../progress.ts";
import type { Answers, Place, Questions } from "../questions.ts";
import type { Bundle } from "./bundle.ts";
import type { SharedLines } from "./shared.ts";

/** Pages of a connection are smaller than those of a pull: a reader that stalls in the middle of one keeps it in memory. */
export const PAGE = { records: 200, bytes: 65_536, growth: 4 };
/** Characters of an answer that is made as a whole for many; a longer one each reader takes at its own pace. */
const WHOLE = 131_072;
/** Bytes from which on a frame is sent in parts, so that its body is not copied for each principal. */
const PARTS = 16_384;

/** Where an answer ended, and the last mutations of clients as of there. */
export class Ending implements Addition {
  head: Point = { revision: 0, hash: "" };
  readonly last = new Map<Author, number>();
  private readonly authors: ReadonlySet<Author>;
  private places: (readonly [Author, Place<ClientQuery>])[] = [];

  constructor(authors: Iterable<Author> = []) {
    this.authors = new Set(authors);
  }

  ask(questions: Questions): void {
    this.places = [...this.authors].map((author) => [author, questions.ask({ kind: "client", author })]);
  }

  async *lines(answers: Answers): AsyncGenerator<string> {
    const { revision, hash } = answers.head;
    this.head = pointOf(revision, hash);
    for (const [author, place] of this.places) this.last.set(author, answers.of(place)?.last ?? 0);
  }
}

export interface Wanted {
  readonly space: string;
  readonly bundle: Bundle;
  /** Where all stand who are to be told. */
  readonly at: Point;
  /** Of the clients whose last mutation is to be told. */
  readonly authors: ReadonlySet<Author>;
  rows(count: number): void;
}

/** What all are told who follow the same from the same place: all but the envelope is encoded once (L3). */
export class Delivery {
  readonly head: Point;
  /** Whether it tells anything but the head. */
  readonly changed: boolean;
  private readonly space: string;
  private readonly last: ReadonlyMap<Author, number>;
  private readonly body: string;
  private readonly end: string;
  private readonly shared = new Map<string, readonly Uint8Array[]>();
  private bytes: Uint8Array | null = null;

  private constructor(space: string, ending: Ending, changed: boolean, body: string, end: string) {
    this.space = space;
    this.head = ending.head;
    this.last = ending.last;
    this.changed = changed;
    this.body = body;
    this.end = end;
  }

  /** Null: it is too long to be made as a whole. */
  static async make(core: Core, lines: SharedLines, wanted: Wanted): Promise<Delivery | null> {
    const { space, bundle, at, authors, rows } = wanted;
    const ending = new Ending(authors);
    let changed = false;
    const progress = bundle.subscriptions.map((subscription) => progressOf(subscription, { cursor: { at } }, at));
    const ask: Ask = {
      store: core.followed,
      space,
      head: { revision: 0, hash: "", time: 0, horizon: { journal: 0, tombstones: 0 }, restore: null },
      author: null,
      principal: "",
      progress,
      revoked: [],
      recovery: null,
      addition: ending,
      may: () => false,
      rows,
      page: PAGE,
      lines(...asked) {
        const made = lines.of(...asked);
        if (made.length > 0) changed = true;
        return made;
      },
    };
    let body = "";
    let end = "";
    let first = true;
    for await (const text of answerLines(ask)) {
      // Each principal's own `begin` goes before it, of the revision at which the answer ends.
      if (first) first = false;
      else {
        body += end;
        end = text;
      }
      if (body.length + end.length > WHOLE) return null;
    }
    return new Delivery(space, ending, changed || progress.some(({ reason }) => reason !== null), body, end);
  }

  /** Whether it knows how far the mutations of a client are in it. */
  tells(author: Author): boolean {
    return this.last.has(author);
  }

  /** One frame or several. `author`: whose last mutation is told, too; `pull`: the message that it answers, or 0. */
  frames(principal: string, { author, pull }: { author: Author | null; pull: number }): readonly Uint8Array[] {
    const lastMutation = author === null ? undefined : this.last.get(author);
    if (lastMutation !== undefined || pull > 0) {
      const end = pull > 0 ? withMember(this.end, "pull", pull) : this.end;
      return this.framed(principal, lastMutation === undefined ? end : withMember(end, "lastMutation", lastMutation));
    }
    let frames = this.shared.get(principal);
    if (frames === undefined) {
      frames = this.framed(principal, this.end);
      this.shared.set(principal, frames);
    }
    return frames;
  }

  private framed(principal: string, end: string): readonly Uint8Array[] {
    const begin = lineText({ op: "begin", space: this.space, revision: this.head.revision, principal });
    if (this.body.length < PARTS) return [utf8((begin + this.body + end).trimEnd())];
    this.bytes ??= utf8(this.body.trimEnd());
    return [utf8(begin.trimEnd()), this.bytes, utf8(end.trimEnd())];
  }
}

/** The text of an object with one member more. */
export function withMember(line: string, name: string, value: number): string {
  return `${line.slice(0, line.lastIndexOf("}"))},"${name}":${value}}\n`;
}
