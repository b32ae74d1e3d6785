import type { PushResponse } from "../../src/model/push.ts";
import type { Config, ServerOptions } from "../../src/server/index.ts";
import type { Store } from "../../src/store/store.ts";
import { createUsers, type Users, type UsersOptions } from "../../src/users/index.ts";
import { type Argon2, loadArgon2 } from "../../src/users/passwords.ts";
import { LiveServer } from "../support/live.ts";
import { good } from "../support/server.ts";

export const PASSWORD = "correct horse battery";

export interface Login {
  readonly user: { readonly id: string; readonly userName: string };
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
}

/** The real argon2, with a count of its work. */
export class CountedArgon2 implements Argon2 {
  verified = 0;
  hashed = 0;
  async verify(phc: string, password: string): Promise<boolean> {
    this.verified++;
    return (await loadArgon2()).verify(phc, password);
  }
  async hash(password: string, options: object): Promise<string> {
    this.hashed++;
    return (await loadArgon2()).hash(password, options);
  }
}

export interface House {
  readonly server: LiveServer;
  readonly users: Users;
  readonly argon2: CountedArgon2;
}

type Options = { config?: Config; server?: Partial<ServerOptions>; users?: UsersOptions; store?: Store };

/** A server with accounts on a real port. */
export async function open({ config = {}, server = {}, users: more = {}, store }: Options = {}): Promise<House> {
  const argon2 = new CountedArgon2();
  const users = createUsers({ argon2: async () => argon2, ...more });
  const all = { ...server, identity: users, ...(store === undefined ? {} : { store }) };
  const opened = await LiveServer.start({ users: true, auth: {}, ...config }, all);
  return { server: opened, users, argon2 };
}

/** As `open`, with `ann`, who administers it. */
export async function founded(options: Options = {}): Promise<House & { readonly ann: Login; readonly admin: Admin }> {
  const house = await open(options);
  const code = await house.users.setupCode();
  const ann = (await good(
    await house.server.post("/v1/auth/setup", { code, userName: "ann", password: PASSWORD }),
  )) as Login;
  return { ...house, ann, admin: new Admin(house.server, () => ann.accessToken) };
}

type Record = { readonly id: string; readonly [atom: string]: unknown };
type Write =
  | { op: "insert" | "update"; collection: string; record: Record }
  | { op: "delete"; collection: string; id: string };

let clients = 0;

/** Writes to the space `system` by raw pushes. */
export class Admin {
  readonly #server: LiveServer;
  readonly #token: () => string;
  readonly #client = `admin-${++clients}`;
  #number = 0;

  constructor(server: LiveServer, token: () => string) {
    this.#server = server;
    this.#token = token;
  }

  async outcome(...writes: Write[]): Promise<PushResponse["outcomes"][number]> {
    const base = (await this.#server.store.head("system"))?.revision ?? 0;
    const mutations = [{ id: ++this.#number, base, writes }];
    const response = await this.#server.post(
      "/v1/spaces/system/push",
      { client: this.#client, mutations },
      { token: this.#token() },
    );
    const { outcomes } = (await good(response)) as PushResponse;
    return outcomes[0] as PushResponse["outcomes"][number];
  }

  async write(...writes: Write[]): Promise<void> {
    const outcome = await this.outcome(...writes);
    if (outcome.status !== "applied") throw new Error(JSON.stringify(outcome));
  }

  insert(collection: string, record: Record): Promise<void> {
    return this.write({ op: "insert", collection, record });
  }

  update(collection: string, record: Record): Promise<void> {
    return this.write({ op: "update", collection, record });
  }

  /** A user with a password, and a role that reads and writes the boxes of `acme`, where one is named. */
  async add(id: string, role?: string): Promise<void> {
    await this.insert("users", { id, userName: id, active: true });
    await this.password(id, PASSWORD);
    if (role !== undefined) await this.insert("bindings", { id: `${role} ${id}`, role, user: id });
  }

  async role(id: string, grants: readonly object[]): Promise<void> {
    await this.insert("roles", { id, name: id, grants });
  }

  async password(user: string, password: string): Promise<void> {
    const body = { credentials: [{ user, password }] };
    await good(await this.#server.post("/v1/auth/credentials", body, { token: this.#token() }));
  }
}

export function login(server: LiveServer, userName: string, password = PASSWORD): Promise<Response> {
  return server.post("/v1/auth/login", { userName, password });
}

export async function loggedIn(server: LiveServer, userName: string, password = PASSWORD): Promise<Login> {
  return (await good(await login(server, userName, password))) as Login;
}

export function refresh(server: LiveServer, refreshToken: string): Promise<Response> {
  return server.post("/v1/auth/refresh", { refreshToken });
}

/** The status of a request that everybody with the role of the tests may make. */
export async function statusOf(server: LiveServer, token: string, path = "/v1/spaces/acme"): Promise<number> {
  return (await server.request(path, { token })).status;
}

/** Everything in `acme`. */
export const EVERYTHING = [{ space: "acme", read: ["*"], write: ["*"] }];
