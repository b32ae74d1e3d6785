// Runs cases of the client store's contract, one when it is asked for.
import { indexedDbStore } from "tidemark/client/indexeddb";
import { clientStoreContract } from "../../../src/testing/client-store-contract.ts";
import type { Expect } from "../../../src/testing/runner.ts";
import type { ContractApi } from "../api.ts";

const expect: Expect = (value) => ({
  toBe(wanted) {
    if (!Object.is(value, wanted)) throw new Error(`${text(value)} is not ${text(wanted)}`);
  },
  toEqual(wanted) {
    if (text(value) !== text(wanted)) throw new Error(`${text(value)} does not equal ${text(wanted)}`);
  },
});

/** Members in order, so that equal values have equal texts; undefined has one, too. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (member === undefined) return "undefined";
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(
      Object.entries(member)
        .filter(([, each]) => each !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  });
}

let names = 0;

const stores = {
  indexeddb: async () => {
    const name = `contract/${names++}`;
    return { store: indexedDbStore({ name }), reopen: async () => indexedDbStore({ name }) };
  },
};

const api: ContractApi = {
  async run(store, title) {
    let run: (() => Promise<void>) | undefined;
    clientStoreContract(store, stores[store], {
      describe: (_, body) => body(),
      it: (each, body) => {
        if (each === title) run = body;
      },
      expect,
    });
    if (run === undefined) return `there is no case ${title}`;
    try {
      await run();
      return null;
    } catch (error) {
      return error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    }
  },
};
Object.assign(globalThis, { api });
