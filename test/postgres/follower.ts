// A server that follows adopted tables until it is killed. `node follower.ts URL CONFIG`
import { createServer } from "../../src/server/index.ts";
import { openPostgresStore } from "../../src/store/postgres/index.ts";

const [url = "", config = "{}"] = process.argv.slice(2);
const server = createServer({
  store: await openPostgresStore({ url }),
  config: { ...JSON.parse(config), auth: { open: true } },
});
await server.ready;
console.log("ready");
