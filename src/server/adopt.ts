import type { Rules } from "../model/push.ts";
import type { Adoption } from "../store/adopt.ts";
import type { Store } from "../store/store.ts";
import { ConfigError, type Settings } from "./config.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** Begins to follow the tables, where the configuration names any; null where it says nothing of them. */
export async function adopt(
  store: Store,
  { adopt: plans }: Settings,
  rules: (space: string) => Rules,
  log: Log,
  metrics: Pick<Metrics, "adopted">,
): Promise<Adoption | null> {
  if (plans === null || store.adopt === undefined) return null;
  const adoption = await store.adopt(plans, { rules: () => rules(""), log });
  for (const space of plans.keys()) metrics.adopted(() => adoption.status(space));
  return adoption;
}

/** @throws ConfigError where the store has no tables but its own. */
export function checkAdoption(store: Store, { adopt: plans }: Settings): void {
  if (plans === null || plans.size === 0 || store.adopt !== undefined) return;
  throw new ConfigError(["adopt: expected a store on PostgreSQL, in the database that holds the tables"]);
}
