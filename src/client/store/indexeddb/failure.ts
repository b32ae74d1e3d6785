import { noRoomText } from "../browser/no-room.ts";
import { StoreError, type StoreFailure } from "../store.ts";

/** A failure of IndexedDB in the store's words; anything else as it is. */
export async function storeFailure(error: unknown, name: string): Promise<unknown> {
  const failure = failureOf(error);
  if (failure === null) return error;
  const { message } = error as Error;
  const text = { full: await noRoomText(name), damaged: damagedText, unavailable: unavailableText }[failure];
  return new StoreError(failure, typeof text === "string" ? text : text(name, message), { cause: error });
}

/** By name, not by class: Firefox and Safari throw a QuotaExceededError of their own. */
function failureOf(error: unknown): StoreFailure | null {
  if (error instanceof StoreError || !(error instanceof Error || error instanceof DOMException)) return null;
  switch (error.name) {
    case "QuotaExceededError":
      return "full";
    // A value that the browser cannot read any more.
    case "DataError":
    case "NotReadableError":
    case "NotFoundError":
      return "damaged";
    // The database was closed under us, is of a newer version, is refused in this mode, or cannot be opened.
    case "InvalidStateError":
    case "VersionError":
    case "SecurityError":
    case "UnknownError":
    case "AbortError":
    case "TimeoutError":
      return "unavailable";
    default:
      return null;
  }
}

function damagedText(name: string, message: string): string {
  return `${name} is damaged: ${message}`;
}

function unavailableText(name: string, message: string): string {
  return `${name} cannot be used (${message}): a private window may refuse it, or a newer version of the application has it`;
}
