import { describe, expect } from "vitest";
import { clientStoreContract } from "../../src/testing/client-store-contract.ts";
import type { ContractApi } from "./api.ts";
import { inBrowser, profile } from "./chromium.ts";
import { remote, site } from "./site.ts";

clientStoreContract(
  "the client's store on IndexedDB, in Chromium",
  async () => {
    throw new Error("opened in the browser");
  },
  {
    describe,
    expect,
    it: (title) =>
      inBrowser(title, async () => {
        const page = await (await profile()).newPage();
        await page.goto(await site("contract"));
        expect(await remote<ContractApi>(page)("run", "indexeddb", title)).toBe(null);
      }),
  },
);
