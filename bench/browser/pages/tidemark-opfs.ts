/// <reference types="vite/client" />
import { opfsStore } from "tidemark/client/opfs";
// Within the page's module, as what a page loads later is not served where it is measured.
import StoreWorker from "tidemark/client/opfs/worker?worker&inline";
import { pageWith } from "./replica.ts";

let last = 0;

/** When the store has written last: its transactions are nothing that a page sees. */
export const lastWrite = () => last;

export const { copy, size, write } = pageWith((name) => {
  const store = opfsStore({ name, worker: () => new StoreWorker() });
  const write = store.write.bind(store);
  store.write = async (batch) => {
    await write(batch);
    last = performance.now();
  };
  return store;
});
