import { formatDigest } from "../model/fingerprint.ts";
import type { RangesQuery } from "../store/store.ts";
import { type Addition, answerLines } from "./answer.ts";
import { authoredLines, tellsAuthors } from "./authors.ts";
import { readJson } from "./body.ts";
import { type Call, type Core, checkSchemaVersion, countRows } from "./core.ts";
import { rangeText } from "./lines.ts";
import type { Mirror } from "./mirror.ts";
import { answered, prepared } from "./pull.ts";
import type { Answers, Place, Questions } from "./questions.ts";
import { mirrorLines } from "./ranges.ts";
import { type Verify, verifyRequest } from "./requests/verify.ts";
import { type Subscription, subscriptionOf } from "./subscription.ts";

/** `POST …/verify` (V1): the replica is brought to R as by a pull, then its ranges are told as of the same R. */
export async function verify(core: Core, call: Call): Promise<Response> {
  const { limits } = core.settings;
  const request = verifyRequest(await readJson(call.request, limits), limits);
  checkSchemaVersion(core.settings, request.schema);
  const subject = { ...subscriptionOf(call.space, request.subscription), fingerprint: true };
  const others = (request.others ?? []).map((each) => subscriptionOf(call.space, each));
  const rows = (count: number) => countRows(core, call.user, count);
  const addition =
    subject.matcher === null && subject.prefix === null
      ? stored(subject, request, rows)
      : mirrored(core, call, subject, request);
  const authors = tellsAuthors(core, call, request);
  const ask = await prepared(core, call, request, [subject, ...others], addition);
  return answered(core, call, ask, authors ? authoredLines(ask) : answerLines(ask));
}

/** Ranges that the store keeps fingerprints of. */
function stored(
  { coverage: { scope, collections } }: Subscription,
  { ranges, fanout, leaf }: Verify,
  rows: (count: number) => void,
): Addition {
  let place: Place<RangesQuery> | null = null;
  return {
    ask(questions: Questions) {
      place = ranges.length === 0 ? null : questions.ask({ kind: "ranges", scope, collections, ranges, fanout, leaf });
    },
    async *lines(answers: Answers) {
      if (place === null) return;
      for (const { from, to, fingerprint, records } of answers.of(place)) {
        rows(fingerprint.count);
        yield rangeText(from, to, fingerprint.count, formatDigest(fingerprint.lanes), records);
      }
    },
  };
}

/** Ranges of a filtered subscription, or of a pattern, from the digests of the records that match. */
function mirrored({ followed }: Core, { space }: Call, subject: Subscription, request: Verify): Addition {
  return {
    ask: () => undefined,
    async *lines(_: Answers, mirrors: ReadonlyMap<string, Mirror>) {
      const mirror = mirrors.get(subject.key);
      if (mirror !== undefined && request.ranges.length > 0) yield* mirrorLines(followed, space, mirror, request);
    },
  };
}
