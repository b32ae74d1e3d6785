import { PUSH_LIMITS, type Rules } from "../../src/model/push.ts";
import { type Collections, UNDECLARED } from "../../src/model/schema.ts";
import type { Clock } from "../../src/util/clock.ts";
import { systemRandom } from "../../src/util/random.ts";
import { toHex } from "../../src/util/sha256.ts";

export function rulesFor(clock: Clock, collections: Collections = UNDECLARED): (space: string) => Rules {
  return (space) => ({
    space,
    collections,
    authorize: () => true,
    limits: PUSH_LIMITS,
    now: clock.now(),
    salt: () => toHex(systemRandom.bytes(16)),
  });
}
