import type { NetworkFaults } from "./network.ts";
import type { SeededRandom } from "./random.ts";

// Each seed draws its own mixture of what happens and leaves some of it out: some mistakes show only where others are absent.

/** Events, each with its weight in the draw; the seed gives each run its own. */
const EVENTS = {
  mutate: 60,
  sync: 4,
  subscribe: 4,
  unsubscribe: 3,
  verify: 1.5,
  killDevice: 4,
  killServer: 4,
  partition: 4,
  backupServer: 2,
  restoreServer: 1.5,
  backupDevice: 2,
  restoreDevice: 1,
  cloneDevice: 0.5,
  revoke: 2,
  grant: 3,
  cut: 1.5,
  jump: 1,
  damage: 1,
};
export type Event = keyof typeof EVENTS;
/** What a run always has. */
const ALWAYS: readonly Event[] = ["mutate", "sync", "subscribe"];
/** Events that go together: half of the seeds have them. */
const SOMETIMES: readonly (readonly Event[])[] = [
  ["unsubscribe"],
  ["verify", "damage"],
  ["killDevice"],
  ["killServer"],
  ["partition"],
  ["backupServer", "restoreServer"],
  ["backupDevice", "restoreDevice"],
  ["cloneDevice"],
  ["revoke", "grant"],
  ["cut"],
  ["jump"],
];

/** How bad the network of a run is. */
export function swarmFaults(random: SeededRandom): NetworkFaults {
  const some = (most: number) => (random.chance(0.5) ? 0 : random.fraction() * most);
  return {
    delay: [1, random.pick([5, 50, 500])],
    loseRequest: some(0.2),
    loseResponse: some(0.2),
    repeat: some(0.3),
    late: random.pick([10, 1000, 30_000]),
    cut: some(0.4),
    silent: some(0.5),
    silence: 60_000,
  };
}

/** What happens in a run, and how often. */
export function swarmWeights(random: SeededRandom): [Event, number][] {
  const chosen = SOMETIMES.filter(() => random.chance(0.5)).flat();
  return [...ALWAYS, ...chosen].map((event) => [event, EVENTS[event] * (0.5 + random.fraction() * 2)]);
}
