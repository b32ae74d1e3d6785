import { Problem } from "../../wire/problem.ts";
import { demand } from "../access.ts";
import { type Call, type Core, countRows } from "../core.ts";
import { chosenEncoding } from "../encode.ts";

/** Seconds that a cache may keep a page. It never becomes wrong, and needs not be kept beyond the rush that it is for. */
const KEPT = 86_400;

/** `GET …/pages/{digest}?ticket=…` (P18): the ticket says who asks, and permission is asked again. */
export async function page(core: Core, { request, url, space, param }: Call): Promise<Response> {
  const { pages, rate, access } = core;
  const digest = param("page");
  const ticket = await pages.tickets.open(space, digest, url.searchParams.get("ticket") ?? "");
  if (ticket === null)
    throw new Problem("forbidden", "this address of a page is not good any more: ask for the copy again");
  rate.admit(ticket.user.id);
  demand(access, ticket.user, { do: "read", space, scope: ticket.scope });
  const body = await pages.body(space, digest, ticket, (count) => countRows(core, ticket.user, count));
  if (body === null) throw new Problem("not-found", "what this page held has changed: ask for the copy again");
  const encoding = chosenEncoding(request.headers.get("accept-encoding"));
  const etag = `"${digest}${encoding === null ? "" : `-${encoding}`}"`;
  const headers = new Headers({
    "content-type": "application/x-ndjson",
    "cache-control": `public, max-age=${KEPT}, immutable`,
    etag,
    vary: "accept-encoding",
    // Whoever knows the address may read it: a cache would give a page of one origin the answer to another.
    "access-control-allow-origin": "*",
  });
  if (request.headers.get("if-none-match")?.includes(etag)) return new Response(null, { status: 304, headers });
  if (encoding !== null) headers.set("content-encoding", encoding);
  return new Response(new Uint8Array(await pages.encoded(space, digest, body, encoding)), { headers });
}
