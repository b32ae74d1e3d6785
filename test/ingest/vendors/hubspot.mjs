// What HubSpot's own client sees at an address: the list, the list of the archived, and the search.
import { Client } from "@hubspot/api-client";

const [basePath, accessToken, since] = globalThis.process.argv.slice(2);
const client = new Client({ accessToken, basePath });
const contacts = client.crm.contacts;

const all = async (archived) => {
  const found = [];
  let after;
  do {
    const page = await contacts.basicApi.getPage(100, after, ["email"], undefined, undefined, archived);
    found.push(...page.results);
    after = page.paging?.next?.after;
  } while (after !== undefined);
  return found;
};
const searched = [];
let after;
do {
  const page = await contacts.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: "lastmodifieddate", operator: "GTE", value: since }] }],
    sorts: ["lastmodifieddate"],
    properties: ["email"],
    limit: 100,
    after: after ?? "0",
  });
  searched.push(...page.results);
  after = page.paging?.next?.after;
} while (after !== undefined);

const shown = ({ id, properties, updatedAt }) => ({ id, email: properties.email ?? null, at: updatedAt.toISOString() });
const seen = {
  active: (await all(false)).map(shown),
  archived: (await all(true)).map(({ id, archivedAt }) => ({ id, at: archivedAt.toISOString() })),
  searched: searched.map(shown),
};
console.log(JSON.stringify(seen));
