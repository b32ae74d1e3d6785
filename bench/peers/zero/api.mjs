import { createServer } from "node:http";
import { mustGetMutator, mustGetQuery } from "@rocicorp/zero";
import { handleMutateRequest, handleQueryRequest } from "@rocicorp/zero/server";
import { zeroPostgresJS } from "@rocicorp/zero/server/adapters/postgresjs";
import { mutators, queries, schema } from "./schema.mjs";

const userID = "bench";

/** What an application serves to zero-cache: the named queries and the mutators. */
export async function api(sql) {
  const dbProvider = zeroPostgresJS(schema, sql);
  const answers = {
    "/query": (request) =>
      handleQueryRequest({
        ...request,
        schema,
        userID,
        handler: (name, args) => mustGetQuery(queries, name).fn({ args, ctx: undefined }),
      }),
    "/mutate": (request) =>
      handleMutateRequest({
        ...request,
        dbProvider,
        userID,
        handler: (transact) =>
          transact((tx, name, args) => mustGetMutator(mutators, name).fn({ tx, args, ctx: undefined })),
      }),
  };
  const http = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const answer = await answers[pathname]({ query: Object.fromEntries(searchParams), body });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer));
  });
  await new Promise((ready) => http.listen(0, "127.0.0.1", ready));
  return `http://127.0.0.1:${http.address().port}`;
}
