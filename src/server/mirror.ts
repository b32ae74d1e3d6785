import { addFingerprints, digestOf, EMPTY, type Fingerprint, type Lanes } from "../model/fingerprint.ts";
import { type Key, keyOf, type RecordData, type Revision } from "../model/record.ts";
import type { PageQuery, PageResult, ScanChange, ScanQuery, ScanResult, Scopes } from "../store/store.ts";
import { canonical } from "../util/json.ts";
import { type Progress, SCANNED_BYTES } from "./progress.ts";
import type { Subscription } from "./subscription.ts";

export const PAGE_RECORDS = 1_000;
export const PAGE_BYTES = 1_048_576;

/**
 * The digests of the records that match a filter, for a fingerprint that the store does not keep. It reads pages at
 * whatever revision each finds, then what changed since the first, as a replica does; so it holds no long read open.
 */
export class Mirror {
  private readonly subscription: Subscription;
  /** The scopes of a pattern that the caller may read; null: it is one scope. */
  private readonly readable: ReadonlySet<string> | null;
  private readonly scope: Scopes;
  private readonly digests = new Map<Key, Lanes>();
  private after: Key | null = null;
  private paging = true;
  /** What changed after this scope revision is still to be read; null before the first page. */
  private reached: Revision | null = null;

  constructor({ subscription, pattern }: Pick<Progress, "subscription" | "pattern">) {
    this.subscription = subscription;
    this.readable = pattern?.pattern.readable ?? null;
    this.scope = this.readable === null ? subscription.coverage.scope : [...this.readable];
  }

  /** The next page to read, or null where only changes remain. */
  page(): PageQuery | null {
    if (!this.paging) return null;
    const { scope, subscription } = this;
    return {
      kind: "page",
      scope,
      collections: subscription.coverage.collections,
      after: this.after,
      limit: PAGE_RECORDS,
      bytes: PAGE_BYTES,
    };
  }

  takePage(page: PageResult, head: Revision): void {
    this.reached ??= head;
    for (const { collection, records } of page.runs) {
      for (const data of JSON.parse(`[${records}]`) as RecordData[]) this.put(collection, data, canonical(data));
    }
    this.after = page.last ?? this.after;
    this.paging = page.more;
  }

  scan(limit: number): ScanQuery {
    const { scope, subscription } = this;
    const { collections } = subscription.coverage;
    return { kind: "scan", scope, collections, after: this.reached ?? 0, limit, bytes: limit * SCANNED_BYTES };
  }

  /** True where the mirror now is as of the revision at which the scan was read. */
  takeScan(scan: ScanResult): boolean {
    for (const change of scan.changes) {
      const { collection, id, text } = change;
      if (this.holds(change) && text !== null) this.put(collection, JSON.parse(text) as RecordData, text);
      else this.digests.delete(keyOf(collection, id));
    }
    this.reached = scan.changes.at(-1)?.member.revision ?? this.reached;
    return !scan.more;
  }

  fingerprint(): Fingerprint {
    let sum = EMPTY;
    for (const lanes of this.digests.values()) sum = addFingerprints(sum, { count: 1, lanes });
    return sum;
  }

  /** Keys and digests, in no order. */
  entries(): IterableIterator<[Key, Lanes]> {
    return this.digests.entries();
  }

  private holds({ member, members }: ScanChange): boolean {
    const { readable } = this;
    if (readable === null || members === undefined) return member.present;
    return [...members].some(([scope, { present }]) => present && readable.has(scope));
  }

  private put(collection: string, data: RecordData, text: string): void {
    const key = keyOf(collection, data.id);
    if (this.subscription.matcher?.matches(data) ?? true) this.digests.set(key, digestOf(collection, text));
    else this.digests.delete(key);
  }
}
