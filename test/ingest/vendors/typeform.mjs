// What Typeform's own client sees at an address: the responses of a form, by tokens.
import { createClient } from "@typeform/api-client";

const [apiBaseUrl, token, uid] = globalThis.process.argv.slice(2);
const client = createClient({ token, apiBaseUrl });
const items = [];
let after;
for (;;) {
  const page = await client.responses.list({
    uid,
    pageSize: 1000,
    ...(after === undefined ? { sort: "submitted_at,asc" } : { after }),
  });
  items.push(...page.items);
  if (page.items.length < 1000) break;
  after = page.items.at(-1).token;
}
console.log(JSON.stringify(items));
