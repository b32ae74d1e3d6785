export type StoreFailure = "full" | "unavailable" | "damaged";

/** A store that cannot do what it was asked, on either side: the cause in one word, and what to do in the message. */
export class StoreError extends Error {
  override name = "StoreError";
  readonly failure: StoreFailure;
  constructor(failure: StoreFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}
