import { z } from "zod";
import { PROBLEMS } from "../../wire/problem.ts";
import type { Route } from "../routes.ts";
import type { About } from "./about.ts";
import { problem } from "./schemas.ts";

type Part = { readonly [name: string]: unknown };

const OPEN: readonly Route["asks"][] = ["nothing", "ticket", "credentials"];

/** `GET /openapi.json`: nothing in it is of a space, so that anybody may read it. */
export function descriptionOf(routes: readonly Route[]): Route {
  let text: string | null = null;
  const own: Route = {
    method: "GET",
    path: "/openapi.json",
    asks: "nothing",
    about: { summary: "This description", answer: z.looseObject({}) },
    async handle() {
      text ??= JSON.stringify(openApiOf([...routes, own]));
      return new Response(text, { headers: { "content-type": "application/json" } });
    },
  };
  return own;
}

/** The description of all routes in OpenAPI 3.1 (H17), as one JSON value. */
export function openApiOf(routes: readonly Route[]): Part {
  const paths: Record<string, Record<string, Part>> = {};
  for (const route of routes) {
    if (route.about === undefined) continue;
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, route.about) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tidemark",
      version: "1",
      summary: "A journal of numbered revisions, and replicas that follow it.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { Problem: schemaOf(problem, "output") },
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
    security: [{ bearer: [] }],
  };
}

function operationOf(route: Route, { summary, query = {}, body, answer }: About): Part {
  const named = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const asked = Object.entries(query).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema: { type: "string" },
  }));
  const parameters = [...named, ...asked];
  return {
    operationId: idOf(route),
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } },
    }),
    ...(OPEN.includes(route.asks) && { security: [] }),
    responses: { "200": { description: "OK", content: contentOf(answer) }, ...PROBLEM_ANSWERS },
  };
}

const CODES = Object.entries(PROBLEMS);
const PROBLEM_ANSWERS = Object.fromEntries(
  [...new Set(CODES.map(([, status]) => status))].map((status) => [
    String(status),
    {
      description: CODES.flatMap(([code, of]) => (of === status ? [code] : [])).join(", "),
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    },
  ]),
);

/** Lines have no form of their own in OpenAPI 3.1: the schema is that of each. */
function contentOf(answer: About["answer"]): Part {
  if ("lines" in answer) return { "application/x-ndjson": { schema: schemaOf(answer.lines, "output") } };
  if ("_zod" in answer) return { "application/json": { schema: schemaOf(answer, "output") } };
  return { [(answer as { type: string }).type]: { schema: { type: "string" } } };
}

/** What is checked by a function has no form in JSON Schema, and says nothing there. Unknown members are ignored (H10). */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Part {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any", target: "draft-2020-12" });
  return closedNowhere(rest) as Part;
}

function closedNowhere(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedNowhere);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name, held]) => name !== "additionalProperties" || held !== false);
  return Object.fromEntries(entries.map(([name, held]) => [name, closedNowhere(held)]));
}

/** `GET /v1/spaces/:space/journal` is `getJournal`. */
function idOf({ method, path }: Route): string {
  const words = path.split(/[/.-]/).filter((part) => !["", "v1", "scim", "v2"].includes(part));
  const own = words.filter((part) => !part.startsWith(":") || part === words.at(-1));
  const names = own.map((word) =>
    word.replace(":", "by-").replaceAll(/(^|-)(\w)/g, (_, __, first: string) => first.toUpperCase()),
  );
  return method.toLowerCase() + (path.startsWith("/scim/") ? "Scim" : "") + names.join("");
}
