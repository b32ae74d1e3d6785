import { Cron } from "croner";
import type { LdapPlan } from "../../server/ldap-config.ts";
import { faultFields } from "../../server/log.ts";
import { Problem } from "../../wire/problem.ts";
import type { UserRecord } from "../collections.ts";
import type { Opened } from "../state.ts";
import { isPassword, readAll } from "./client.ts";
import { type Person, personOf, teamsOf } from "./entry.ts";
import { carryPass, type Passed } from "./pass.ts";

/** The longest that a schedule sleeps at once, in milliseconds. */
const LONGEST = 3_600_000;

/** The directories that users come from. */
export class LdapSources {
  readonly #plans: ReadonlyMap<string, LdapPlan>;
  readonly #running = new Set<string>();

  constructor(plans: readonly LdapPlan[]) {
    this.#plans = new Map(plans.map((plan) => [`ldap:${plan.name}`, plan]));
  }

  /** One complete pass. Throws `unavailable` where the directory did not answer in full, and `forbidden` where it is held. */
  async sync(state: Opened, source: string): Promise<Passed> {
    const plan = this.#plans.get(source);
    if (plan === undefined) throw new Problem("not-found", `there is no source ${source}: ${this.#known()}`);
    if (this.#running.has(source))
      throw new Problem("unavailable", `${source} is being read already`, { retryAfter: 10 });
    this.#running.add(source);
    try {
      const reading = await readAll(plan);
      const found = reading.people.map((entry) => personOf(entry, plan));
      const people = found.filter((one): one is Person => typeof one !== "string");
      const broken = found.filter((one) => typeof one === "string");
      const groups = reading.groups && teamsOf(reading.groups, people, plan);
      return await carryPass(state, state.carrier(source), { people, broken, groups });
    } finally {
      this.#running.delete(source);
    }
  }

  /** Asks the directory for whom it keeps; null: the user is none of these. */
  verifier({ managedBy = "", externalId }: UserRecord): ((password: string) => Promise<boolean>) | null {
    const plan = this.#plans.get(managedBy);
    if (plan === undefined || externalId === undefined) return null;
    return (password) => isPassword(plan, externalId, password);
  }

  /** Reads each source at its times, until the server ends. */
  start(state: Opened): void {
    for (const [source, { schedule }] of this.#plans) if (schedule !== null) void this.#follow(state, source, schedule);
  }

  async #follow(state: Opened, source: string, { cron, timeZone }: NonNullable<LdapPlan["schedule"]>): Promise<void> {
    const { clock, host } = state;
    const job = new Cron(cron, { timezone: timeZone, paused: true });
    while (!host.stopping.aborted) {
      const next = job.nextRun(new Date(clock.now()));
      if (next === null) return;
      while (clock.now() < next.getTime() && !host.stopping.aborted)
        await clock.sleep(Math.min(LONGEST, next.getTime() - clock.now()), host.stopping);
      if (host.stopping.aborted) return;
      await this.sync(state, source).then(
        ({ refused, groups, ...counts }) =>
          host.log.info({ source, ...counts, groups: groups?.found, refused: refused.length }, "users were read"),
        (error: unknown) => {
          const fields = error instanceof Problem ? { reason: error.message } : faultFields(error);
          host.log.error({ source, ...fields }, "users could not be read: nobody was changed");
        },
      );
    }
  }

  #known(): string {
    const names = [...this.#plans.keys()].join(", ");
    return names === "" ? "`users.ldap` in the configuration names none" : `there are ${names}`;
  }
}
