import { StoreError } from "../../store.ts";
import type { Place } from "../place.ts";
import { isNatsUrl, natsWake } from "./nats.ts";
import { notifyWake } from "./notify.ts";
import type { Wake } from "./wake.ts";

/** Whether a text names a way to wake other servers: `none`, `notify` or an address of NATS. */
export function isWake(text: string): boolean {
  return text === "none" || text === "notify" || isNatsUrl(text);
}

/** `notify`; `none`; an address of NATS; or a way of one's own. Null for none. */
export async function wakeOf(wake: Wake | string, place: Place): Promise<Wake | null> {
  if (typeof wake !== "string") return wake;
  if (wake === "none") return null;
  if (wake === "notify") return notifyWake(place);
  if (isNatsUrl(wake)) return natsWake(wake, place);
  // It is not repeated: it may be an address with a password.
  throw new StoreError("unavailable", "Servers wake each other by notify, by nats://host:4222, or by none.");
}
