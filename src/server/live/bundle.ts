import { coverageDigest } from "../../model/cursor.ts";
import type { Subscription } from "../subscription.ts";

/** What a connection is subscribed to. Those who are subscribed to the same, under the same keys, share one. */
export interface Bundle {
  readonly name: string;
  readonly subscriptions: readonly Subscription[];
  /** What a pattern stands for is another thing for each principal (P14), and so are authors (S24): who follows such is told alone. */
  readonly alone: boolean;
}

const UNREAD = { kind: "unreadable" } as const;

/** The bundles of one space. */
export class Bundles {
  private readonly space: string;
  private readonly known = new Map<string, { readonly bundle: Bundle; holders: number }>();

  constructor(space: string) {
    this.space = space;
  }

  /** To be given back by `leave`. */
  enter(subscriptions: readonly Subscription[]): Bundle {
    const name = JSON.stringify(
      subscriptions.map(({ key, coverage, fingerprint, authors }) => [
        key,
        coverageDigest(this.space, coverage),
        ...[fingerprint, authors],
      ]),
    );
    let entry = this.known.get(name);
    if (entry === undefined) {
      const bare = subscriptions.map((subscription) => ({ ...subscription, reading: UNREAD }));
      const alone = bare.some(({ prefix, authors }) => prefix !== null || authors);
      entry = { bundle: { name, subscriptions: bare, alone }, holders: 0 };
      this.known.set(name, entry);
    }
    entry.holders++;
    return entry.bundle;
  }

  leave({ name }: Bundle): void {
    const entry = this.known.get(name);
    if (entry !== undefined && --entry.holders === 0) this.known.delete(name);
  }
}
