import { afterAll, describe, expect, it } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { type OpenStore, storeContract } from "../../src/testing/store-contract.ts";
import { dropEmptied, emptyUrl } from "../support/postgres.ts";

async function open(): Promise<OpenStore> {
  const url = await emptyUrl();
  const store = await openPostgresStore({ url });
  return {
    store,
    async reopen() {
      await store.close();
      return openPostgresStore({ url });
    },
  };
}

afterAll(dropEmptied);

storeContract("the store on PostgreSQL", open, { describe, it, expect });
