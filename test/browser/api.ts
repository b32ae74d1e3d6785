// What the pages offer to their tests.
import type { Status } from "../../src/client/status.ts";

export type StoreName = "indexeddb" | "opfs";

/** Of `pages/contract.ts`: null where the case passed, else what went wrong. */
export interface ContractApi {
  run(store: StoreName, title: string): Promise<string | null>;
  /** Damages a closed file on OPFS that holds so many notes: what is told of it, and which of them the next start finds. */
  damaged(prefix: string, notes: number): Promise<{ damage: string | null; kept: number; last: string | undefined }>;
}

/** A client as a page is asked to make it. */
export interface Opening {
  readonly url: string;
  /** Of the database. */
  readonly name: string;
  readonly token?: string;
  readonly tabs?: boolean;
  readonly store?: StoreName;
}

export type WriteText = readonly [
  "insert" | "update",
  string,
  { readonly id: string; readonly [atom: string]: unknown },
];

/** Of `pages/app.ts`. Clients have names within the page. */
export interface AppApi {
  open(client: string, opening: Opening): void;
  /** Resolves when the scope is there. */
  subscribe(client: string, scope: string): Promise<void>;
  status(client: string): Status;
  get(client: string, collection: string, id: string): Promise<unknown>;
  query(client: string, collection: string): Promise<unknown[]>;
  count(client: string, collection: string): Promise<number>;
  sync(client: string): Promise<void>;
  verify(client: string): Promise<boolean>;
  close(client: string): Promise<void>;
  /** From now on it sends another token. */
  setToken(client: string, token: string): void;
  /** Resolves when it is durable, or has its outcome; what it was rejected with is a text. */
  mutate(client: string, until: "local" | "settled" | "called", ...writes: WriteText[]): Promise<unknown>;
  /** Notes what is told of a collection. */
  observe(client: string, collection: string): void;
  /** The last that was told of what is observed. */
  seen(client: string): unknown[];
  /** All events but `status` and `change`, in their order. */
  told(client: string): { readonly event: string; readonly value: unknown }[];
  /** Writes `count` items, one after the other, `n` counted up with each; gives those whose `local` has resolved, so far. */
  writeMany(client: string, prefix: string, count: number): void;
  durable(client: string): string[];
  /** Draws the progress of the copy of the scope, from now on. */
  showProgress(client: string, scope: string): void;
  /**
   * What was drawn: `position` between 0 and 1 after each change of the status, and how many frames of the page showed
   * another one than the frame before; whether the bar is still there.
   */
  shownProgress(): { readonly positions: readonly number[]; readonly frames: number; readonly gone: boolean };
  /** What the longest tasks of the page took since it was asked last, in milliseconds. */
  longTasks(): number[];
}

type AtomsText = { readonly [atom: string]: string };

/** Of `pages/hooks.ts`. */
export interface HooksApi {
  /** Renders components over a client that follows the scope. */
  open(url: string, scope: string): void;
  write(id: string, atoms: AtomsText): Promise<void>;
  change(id: string, atoms: AtomsText): Promise<void>;
  recover(): Promise<void>;
  /** Renders so many lists beside the two. */
  more(count: number): void;
  /** How often lists and rows were rendered, how many different lists there were, and how often two disagreed. */
  seen(): { list: number; row: number; lists: number; torn: number };
}
