import Ajv from "ajv/dist/2020.js";
import { expect } from "vitest";
import type { TestServer } from "./server.ts";

interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: object } } };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: object };
}

export async function described(server: TestServer): Promise<Document> {
  const response = await server.request("/openapi.json", { token: undefined });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  return (await response.json()) as Document;
}

/** Members that the description does not name are no mistake of the server (H10), but one of the description. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, held]) => [name, closed(held)] as const);
  const object = Object.fromEntries(entries);
  return "properties" in object && !("additionalProperties" in object)
    ? { ...object, additionalProperties: false }
    : object;
}

/** Looks whether each answer is what the description says of its route and status. */
export class Judge {
  readonly asked = new Set<string>();
  readonly #document: Document;
  readonly #ajv: Ajv.default;

  constructor(document: Document) {
    this.#document = document;
    this.#ajv = new Ajv.default({ strict: false, validateFormats: false });
    this.#ajv.addSchema({ $id: "doc", components: closed(document.components) as object });
  }

  async judge(method: string, path: string, response: Response): Promise<void> {
    const operation = this.#document.paths[path]?.[method.toLowerCase()] as Operation;
    const type = response.headers.get("content-type")?.split(";")[0] as string;
    const schema = operation.responses[response.status]?.content[type]?.schema;
    expect(schema, `${method} ${path} answers ${response.status} ${type}`).toBeDefined();
    const text = await response.text();
    const values = type.endsWith("x-ndjson") ? text.trimEnd().split("\n") : type.endsWith("json") ? [text] : [];
    const own = JSON.parse(JSON.stringify(closed(schema)).replaceAll("#/components", "doc#/components")) as object;
    const fits = this.#ajv.compile(own);
    for (const value of values) {
      expect(
        fits(JSON.parse(value)),
        `${method} ${path}: ${this.#ajv.errorsText(fits.errors)} in ${value.slice(0, 300)}`,
      ).toBe(true);
    }
    if (response.status === 200) this.asked.add(`${method} ${path}`);
  }
}
