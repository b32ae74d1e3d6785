// What the pages offer to their tests.

/** Of `pages/contract.ts`: null where the case passed, else what went wrong. */
export interface ContractApi {
  run(store: "indexeddb", title: string): Promise<string | null>;
}
