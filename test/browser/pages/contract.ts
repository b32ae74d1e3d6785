// Runs cases of the client store's contract, one when it is asked for.
import { indexedDbStore } from "tidemark/client/indexeddb";
import { opfsStore } from "tidemark/client/opfs";
import { clientStoreContract } from "../../../src/testing/client-store-contract.ts";
import type { Expect } from "../../../src/testing/runner.ts";
import type { ContractApi } from "../api.ts";
import { worker } from "./worker.ts";

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
  opfs: async () => {
    const name = `contract/${names++}`;
    return { store: opfsStore({ name, worker }), reopen: async () => opfsStore({ name, worker }) };
  },
};

/** Overwrites parts of several pages in the middle of the largest file of OPFS. */
async function damage(): Promise<void> {
  const files: { handle: FileSystemFileHandle; size: number }[] = [];
  const walk = async (folder: FileSystemDirectoryHandle): Promise<void> => {
    for await (const handle of folder.values()) {
      if (handle instanceof FileSystemDirectoryHandle) await walk(handle);
      else files.push({ handle, size: (await handle.getFile()).size });
    }
  };
  await walk(await navigator.storage.getDirectory());
  const largest = files.sort((a, b) => b.size - a.size)[0];
  const stream = await largest?.handle.createWritable({ keepExistingData: true });
  const position = Math.floor((largest?.size ?? 0) / 2) + 1_000;
  await stream?.write({ type: "write", position, data: new Uint8Array(20_000).fill(0xff) });
  await stream?.close();
}

const api: ContractApi = {
  async damaged(prefix, count) {
    const store = opfsStore({ name: "damaged", worker });
    await store.open();
    const text = "x".repeat(3_000);
    const names = Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(4, "0")}`);
    await store.write({ notes: new Map(names.map((name) => [name, text])) });
    await store.close();
    await damage();
    await store.open();
    await store.notes(prefix).catch(() => {});
    await store.close();
    const opened = await store.open();
    const kept = await store.notes(prefix);
    await store.close();
    return { damage: opened.damage, kept: kept.length, last: kept.at(-1)?.[0] };
  },
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
