import type { Aged } from "../model/spread.ts";
import type {
  ClientQuery,
  FingerprintQuery,
  HashesQuery,
  NotesBetweenQuery,
  ScanQuery,
  ScopesQuery,
} from "../store/store.ts";
import { type Ask, pageSize } from "./ask.ts";
import { ERASURES } from "./erasures.ts";
import { Mirror } from "./mirror.ts";
import { extended } from "./pattern.ts";
import { hasPages, OtherHistory, onChain, type Progress, placesOf, scanOf } from "./progress.ts";
import { type Answers, type Place, Questions } from "./questions.ts";

/** Everything that is read at the revision at which an answer ends. */
export interface Joint {
  readonly questions: Questions;
  readonly scans: readonly Place<ScanQuery>[];
  readonly fingerprints: ReadonlyMap<string, Place<FingerprintQuery>>;
  readonly mirrored: ReadonlyMap<string, Place<ScanQuery>>;
  readonly scopes: ReadonlyMap<Progress, Place<ScopesQuery> | null>;
  readonly client: Place<ClientQuery> | null;
  readonly hashes: Place<HashesQuery>;
  /** Where something is copied. */
  readonly erasures: Place<NotesBetweenQuery> | null;
}

export function jointQuestions(
  ask: Ask,
  mirrors: ReadonlyMap<string, Mirror>,
  small: ReadonlySet<Progress> | null,
  size: number,
): Joint {
  const limit = pageSize(ask).records * size;
  const bytes = pageSize(ask).bytes * size;
  const questions = new Questions();
  const scans = ask.progress.map((own) => questions.ask(scanOf(own, limit, bytes)));
  const fingerprints = new Map<string, Place<FingerprintQuery>>();
  const scopes = new Map(ask.progress.map((own) => [own, scopesAfter(own, questions)]));
  for (const own of ask.progress) {
    const { subscription, pattern } = own;
    const { collections } = subscription.coverage;
    if (!isKept(own) && !small?.has(own)) continue;
    const readable = [...(pattern?.pattern.readable ?? [subscription.coverage.scope])];
    const scope = readable.length === 1 ? (readable[0] as string) : readable;
    fingerprints.set(subscription.key, questions.ask({ kind: "fingerprint", scope, collections }));
  }
  const mirrored = new Map<string, Place<ScanQuery>>();
  for (const [key, mirror] of mirrors) mirrored.set(key, questions.ask(mirror.scan(limit)));
  const client = ask.author === null ? null : questions.ask({ kind: "client", author: ask.author });
  const revisions = new Set(placesOf(ask.progress).map(({ revision }) => revision));
  const hashes = questions.ask({ kind: "hashes", revisions: [...revisions] });
  const erasures = ask.progress.some(({ reason }) => reason !== null) ? questions.ask(ERASURES) : null;
  ask.addition?.ask(questions);
  return { questions, scans, fingerprints, mirrored, scopes, client, hashes, erasures };
}

/** @throws OtherHistory where the answer's end would be of another one than its beginning. */
export function checkHistory({ progress }: Ask, { hashes }: Joint, answers: Answers): void {
  const known = answers.of(hashes);
  if (!placesOf(progress).every((point) => onChain(point, answers.head, known))) throw new OtherHistory();
}

/** Whether the store keeps the fingerprint: of one scope, also where a pattern stands for just one. */
function isKept({ subscription, pattern }: Progress): boolean {
  if (!subscription.fingerprint || subscription.matcher !== null) return false;
  return pattern === null || pattern.pattern.readable.size === 1;
}

/** Asks for scopes of a pattern that are newer than those that are known. */
export function scopesAfter({ pattern }: Progress, questions: Questions): Place<ScopesQuery> | null {
  if (pattern === null) return null;
  const { prefix, known } = pattern.pattern;
  return questions.ask({ kind: "scopes", prefix, after: known });
}

/** Takes in scopes that have come into being since it was last looked, as far as the caller may read them. */
export function extendPatterns(
  ask: Ask,
  scopes: Joint["scopes"],
  answers: Answers,
  mirrors: Map<string, Mirror>,
): boolean {
  let found = false;
  for (const [own, place] of scopes) {
    if (place === null || own.pattern === null) continue;
    const fresh = answers.of(place);
    if (own.pattern.pattern.known >= answers.head.revision) continue;
    const before = own.pattern.kept.size;
    own.pattern = extended(own.pattern, fresh, answers.head.revision, ask.may);
    if (own.pattern.kept.size === before) continue;
    own.reached = Math.min(own.reached, (fresh[0] as Aged).since - 1);
    if (mirrors.has(own.subscription.key)) mirrors.set(own.subscription.key, new Mirror(own));
    found = true;
  }
  return found;
}

/** Subscriptions whose fingerprint was asked for, and is not kept: the filtered, and patterns; by their keys. */
export function mirrorsOf(progress: readonly Progress[]): Map<string, Mirror> {
  const unkept = progress.filter(
    ({ subscription, pattern }) =>
      subscription.fingerprint === true && (subscription.matcher !== null || pattern !== null),
  );
  return new Map(unkept.map((own) => [own.subscription.key, new Mirror(own)]));
}

export async function mirrorPages(ask: Ask, mirrors: ReadonlyMap<string, Mirror>): Promise<void> {
  for (const mirror of mirrors.values()) {
    for (let query = mirror.page(); query !== null; query = mirror.page()) {
      const questions = new Questions();
      const place = questions.ask(query);
      const answers = await questions.read(ask.store, ask.space);
      ask.rows(answers.of(place).runs.reduce((sum, { count }) => sum + count, 0));
      mirror.takePage(answers.of(place), answers.head.revision);
    }
  }
}

/** Records, and scopes, of a pattern that are added up for the fingerprint at each `end` that brings something (P16). */
const SMALL = 10_000;
const FEW = 100;

/** Patterns of which there is something to tell, and which have few records by what is kept of each scope. */
export async function smallPatterns(ask: Ask, joint: Joint, answers: Answers): Promise<ReadonlySet<Progress>> {
  const told = ask.progress.filter((own, i) => {
    if (own.subscription.fingerprint !== "small" || isKept(own)) return false;
    if ((own.pattern?.pattern.readable.size ?? 0) > FEW) return false;
    const { changes } = answers.of(joint.scans[i] as Place<ScanQuery>);
    return own.reason !== null || hasPages(own) || changes.length > 0;
  });
  if (told.length === 0) return new Set();
  const questions = new Questions();
  const places = told.map(({ subscription: { coverage }, pattern }) =>
    [...(pattern?.pattern.readable ?? [])].map((scope) =>
      questions.ask({ kind: "fingerprint", scope, collections: coverage.collections }),
    ),
  );
  const sums = await questions.read(ask.store, ask.space);
  const counts = places.map((own) => own.reduce((sum, place) => sum + sums.of(place).count, 0));
  ask.rows(counts.reduce((sum, count) => sum + (count <= SMALL ? count : 0), 0));
  return new Set(told.filter((_, i) => (counts[i] as number) <= SMALL));
}
