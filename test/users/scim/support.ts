import { good } from "../../support/server.ts";
import { type Admin, founded, type House, type Login } from "../support.ts";

export const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
export const ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
export const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";
export const PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a body is looked at, not typed
  readonly body: any;
}

/** An identity provider with a token of its own. */
export class Provider {
  readonly #house: House;
  readonly token: string;

  constructor(house: House, token: string) {
    this.#house = house;
    this.token = token;
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await this.#house.server.request(`/scim/v2${path}`, {
      method,
      token: this.token,
      headers: { ...(body === undefined ? {} : { "content-type": "application/scim+json" }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
  }

  async made(path: "/Users" | "/Groups", attributes: object): Promise<string> {
    const { status, body } = await this.ask("POST", path, {
      schemas: [path === "/Users" ? USER : GROUP],
      ...attributes,
    });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body.id;
  }

  user(userName: string, more: object = {}): Promise<string> {
    return this.made("/Users", { userName, active: true, ...more });
  }

  patch(path: string, ...Operations: object[]): Promise<Answer> {
    return this.ask("PATCH", path, { schemas: [PATCH], Operations });
  }

  async members(group: string): Promise<string[]> {
    const { body } = await this.ask("GET", `/Groups/${group}`);
    return (body.members ?? []).map(({ value }: { value: string }) => value).sort();
  }
}

export interface ScimHouse extends House {
  readonly ann: Login;
  readonly admin: Admin;
  readonly provider: Provider;
  provide(name: string): Promise<Provider>;
}

export async function scimHouse(options: Parameters<typeof founded>[0] = {}): Promise<ScimHouse> {
  const house = await founded({ ...options, config: { limits: { rate: false }, ...options.config } });
  const provide = async (name: string) => {
    const made = await house.server.post("/v1/auth/scim-token", { name }, { token: house.ann.accessToken });
    return new Provider(house, ((await good(made)) as { token: string }).token);
  };
  return { ...house, provider: await provide("idp"), provide };
}
