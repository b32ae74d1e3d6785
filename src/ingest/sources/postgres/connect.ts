import { TEXT_SETTINGS } from "../../../store/postgres/adopt/values.ts";
import { LostConnection, ServerError } from "../../../store/postgres/failure.ts";
import { type Place, type PostgresPlace, placeOf } from "../../../store/postgres/place.ts";
import { Session } from "../../../store/postgres/session.ts";
import { StoreError } from "../../../store/store.ts";
import { systemClock } from "../../../util/clock.ts";
import { SourceError, type SourceFailure } from "../../source.ts";

/** One connection, whose values come as the texts that are read here. It closes when the run is given up. */
export async function connect(
  options: PostgresPlace,
  signal: AbortSignal,
): Promise<{ place: Place; session: Session }> {
  const place = await placeOf(options).catch((error: unknown) => {
    throw failureOf(error, "PostgreSQL");
  });
  const session = new Session(place.driver);
  const end = () => session.close();
  signal.addEventListener("abort", end);
  session.onClose(() => signal.removeEventListener("abort", end));
  const settings = Object.entries({ ...TEXT_SETTINGS, standard_conforming_strings: "on" });
  await saying(place, () =>
    session.query(settings.map(([name, value]) => `SET ${name} = '${value}'`).join("; ")),
  ).catch((error: unknown) => {
    session.close();
    throw error;
  });
  return { place, session };
}

/** Does what may fail at PostgreSQL, and says what that means to a source. */
export async function saying<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failureOf(error, `PostgreSQL at ${place.driver.text}`);
  }
}

/** Milliseconds that a slot may take to be let go when its reader has left, and between two looks. */
const LETTING_GO = 5_000;
const LOOK = 50;

/** Whether there is a slot of that name. @throws SourceError `busy` where somebody reads it. */
export async function released(session: Session, slot: string, signal: AbortSignal): Promise<boolean> {
  for (let waited = 0; ; waited += LOOK) {
    const [found] = await session.query<{ active: boolean }>(
      "SELECT active FROM pg_replication_slots WHERE slot_name = $1",
      [slot],
    );
    if (found?.active !== true) return found !== undefined;
    if (waited >= LETTING_GO || signal.aborted)
      throw new SourceError("busy", `somebody reads the slot ${slot} now: each space that follows a table has its own`);
    await systemClock.sleep(LOOK, signal);
  }
}

/** Codes, then classes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const FAILURES: readonly (readonly [start: string, code: SourceFailure, cure: string])[] = [
  ["28", "denied", "check user and password"],
  ["42501", "denied", "grant this user what it lacks"],
  ["53300", "busy", "it takes no more connections"],
  ["55006", "busy", "somebody else reads it now"],
  ["55P03", "busy", "somebody holds a lock of it"],
  ["40", "unreachable", "it is tried again"],
  ["57", "unreachable", "it is stopping or starting, or has ended the question"],
  ["08", "unreachable", "it is tried again"],
  ["53", "unreachable", "it lacks resources"],
];

function failureOf(error: unknown, where: string): unknown {
  if (error instanceof LostConnection)
    return new SourceError("unreachable", `the connection to ${where} was lost: ${error.message}`, { cause: error });
  if (error instanceof StoreError) return new SourceError("protocol", error.message, { cause: error });
  if (!(error instanceof ServerError)) return error;
  const { code, message } = error;
  const [, failure, cure] = FAILURES.find(([start]) => code.startsWith(start)) ?? [
    "",
    "protocol",
    "correct the declaration",
  ];
  return new SourceError(failure, `${where} says ${code}, ${message}: ${cure}`, { cause: error });
}
