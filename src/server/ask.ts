import type { Author } from "../model/record.ts";
import type { Head } from "../store/store.ts";
import type { deltaLines } from "./lines.ts";
import { type Mirror, PAGE_RECORDS } from "./mirror.ts";
import type { SharedPage } from "./pages/pages.ts";
import { type Progress, type Recovery, SCANNED_BYTES } from "./progress.ts";
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
  /** Pages of a copy that others share; none where the caller does not take them (P17). */
  shared?(own: Progress): AsyncIterable<SharedPage>;
  /** By default a page has a thousand records, and grows until an answer ends. */
  readonly page?: PageSize | undefined;
  /** `deltaLines`, or what remembers them. */
  lines?(...asked: Parameters<typeof deltaLines>): Iterable<string>;
}

/** How much of a subscription is held in memory at a time. */
export interface PageSize {
  readonly records: number;
  readonly bytes: number;
  /** How often its own size a page may grow to under load. */
  readonly growth: number;
}

const PAGE: PageSize = { records: PAGE_RECORDS, bytes: PAGE_RECORDS * SCANNED_BYTES, growth: Number.POSITIVE_INFINITY };

export function pageSize({ page }: Pick<Ask, "page">): PageSize {
  return page ?? PAGE;
}

/** Lines that belong to the revision at which an answer ends. */
export interface Addition {
  ask(questions: Questions): void;
  lines(answers: Answers, mirrors: ReadonlyMap<string, Mirror>): AsyncIterable<string>;
}
