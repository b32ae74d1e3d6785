import { indexedDbStore } from "tidemark/client/indexeddb";
import { pageWith } from "./replica.ts";

export const { copy, size, write } = pageWith((name) => indexedDbStore({ name }));
