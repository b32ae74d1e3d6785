export { createClient } from "../../src/client/index.ts";
export { memoryStore } from "../../src/client/store/memory.ts";
