import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { OpenStore } from "../../src/testing/store-contract.ts";
import { storeContract } from "../../src/testing/store-contract.ts";
import { folderOf } from "../support/folder.ts";

async function open(): Promise<OpenStore> {
  const folder = folderOf();
  const store = openSqliteStore({ path: join(folder, "data") });
  return {
    store,
    async reopen() {
      await store.close();
      return openSqliteStore({ path: join(folder, "data") });
    },
    // The files as they lie while the store is open: what a killed process leaves.
    async crash() {
      cpSync(join(folder, "data"), join(folder, "crashed"), { recursive: true });
      await store.close();
      return openSqliteStore({ path: join(folder, "crashed") });
    },
  };
}

storeContract("the store on SQLite", open, { describe, it, expect });
