import type { Author } from "../model/record.ts";
import type { Head } from "../store/store.ts";
import type { Mirror } from "./mirror.ts";
import type { Progress, Recovery } from "./progress.ts";
import type { Answers, Questions, Reader } from "./questions.ts";

/** What a pull or a verify is to bring together. */
export interface Ask {
  readonly store: Reader;
  readonly space: string;
  readonly author: Author | null;
  /** Of the space, when the request came. */
  readonly head: Head;
  readonly principal: string;
  readonly progress: readonly Progress[];
  /** Keys of subscriptions that the principal may not read. */
  readonly revoked: readonly string[];
  readonly recovery: Recovery | null;
  /** What is told as of the same revision, before `end`. */
  readonly addition?: Addition | undefined;
  /** Whether the caller may read a scope: asked of those that come into being while a pattern is answered (P14). */
  may(scope: string): boolean;
  /** Told of rows that were read for the answer. */
  rows(count: number): void;
}

/** Lines that belong to the revision at which an answer ends. */
export interface Addition {
  ask(questions: Questions): void;
  lines(answers: Answers, mirrors: ReadonlyMap<string, Mirror>): AsyncIterable<string>;
}
