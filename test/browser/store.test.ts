import { describe, expect } from "vitest";
import { clientStoreContract } from "../../src/testing/client-store-contract.ts";
import type { ContractApi, StoreName } from "./api.ts";
import { inBrowser, profile } from "./chromium.ts";
import { remote, site } from "./site.ts";

function inChromium(name: string, store: StoreName): void {
  clientStoreContract(
    `the client's store on ${name}, in Chromium`,
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
          expect(await remote<ContractApi>(page)("run", store, title)).toBe(null);
        }),
    },
  );
}

inChromium("IndexedDB", "indexeddb");
inChromium("OPFS", "opfs");
