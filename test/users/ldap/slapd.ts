import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Client } from "ldapts";
import { folderOf } from "../../support/folder.ts";

const PROGRAM = ["/usr/sbin/slapd", "/usr/libexec/slapd", "/usr/local/libexec/slapd"].find((path) => existsSync(path));
const SCHEMAS = "/etc/ldap/schema";

export const hasSlapd = PROGRAM !== undefined && existsSync(`${SCHEMAS}/inetorgperson.schema`);

export const BASE = "dc=example,dc=org";
export const PEOPLE = `ou=people,${BASE}`;
export const ADMIN = `cn=admin,${BASE}`;
export const GROUPS = `ou=groups,${BASE}`;
/** Who is shown twenty entries and no more. */
export const READER = `cn=reader,${BASE}`;
export const SECRET = "the secret of the directory";

/** A real OpenLDAP server in a folder of its own. */
export class Slapd {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #client: Client;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
    this.#client = new Client({ url });
  }

  static async start(): Promise<Slapd> {
    const folder = folderOf();
    mkdirSync(join(folder, "db"));
    const config = join(folder, "slapd.conf");
    writeFileSync(
      config,
      [
        ...["core", "cosine", "nis", "inetorgperson"].map((name) => `include ${SCHEMAS}/${name}.schema`),
        ...(existsSync("/usr/lib/ldap") ? ["modulepath /usr/lib/ldap"] : []),
        "moduleload back_mdb",
        "moduleload ppolicy",
        `pidfile ${join(folder, "pid")}`,
        "database mdb",
        "maxsize 104857600",
        `suffix "${BASE}"`,
        `rootdn "${ADMIN}"`,
        `rootpw "${SECRET}"`,
        `directory ${join(folder, "db")}`,
        `limits dn.exact="${READER}" size.soft=20 size.hard=20 size.prtotal=20`,
        "overlay ppolicy",
        "",
      ].join("\n"),
    );
    const port = await freePort();
    const url = `ldap://127.0.0.1:${port}`;
    const child = spawn(PROGRAM as string, ["-f", config, "-h", url, "-d", "0"], { stdio: "ignore" });
    const slapd = new Slapd(url, child);
    await slapd.#connect();
    await slapd.#client.add(BASE, { objectClass: ["dcObject", "organization"], dc: "example", o: "Example" });
    for (const ou of ["people", "ships", "groups"])
      await slapd.#client.add(`ou=${ou},${BASE}`, { objectClass: "organizationalUnit", ou });
    const reader = { objectClass: ["organizationalRole", "simpleSecurityObject"], cn: "reader", userPassword: SECRET };
    await slapd.#client.add(READER, reader);
    return slapd;
  }

  async #connect(): Promise<void> {
    for (;;) {
      if (this.#child.exitCode !== null) throw new Error(`slapd ended with ${this.#child.exitCode}`);
      try {
        await this.#client.bind(ADMIN, SECRET);
        return;
      } catch (error) {
        if (!/ECONNREFUSED/.test(String(error))) throw error;
        execFileSync("sleep", ["0.05"]);
      }
    }
  }

  async add(uid: string, more: Record<string, string | string[]> = {}): Promise<void> {
    await this.#client.add(`uid=${escaped(uid)},${PEOPLE}`, {
      objectClass: "inetOrgPerson",
      uid,
      cn: `${uid} of the directory`,
      sn: uid,
      userPassword: `password of ${uid}`,
      ...more,
    });
  }

  /** A groupOfNames, which has one member at least: whoever is none of the users. */
  async addGroup(cn: string, uids: readonly string[], more: Record<string, string> = {}): Promise<void> {
    await this.#client.add(`cn=${escaped(cn)},${GROUPS}`, {
      objectClass: "groupOfNames",
      cn,
      member: membersOf(uids),
      ...more,
    });
  }

  async addPosixGroup(cn: string, uids: readonly string[]): Promise<void> {
    const more = uids.length === 0 ? {} : { memberUid: [...uids] };
    await this.#client.add(`cn=${cn},${GROUPS}`, { objectClass: "posixGroup", cn, gidNumber: "1000", ...more });
  }

  setGroup(cn: string, uids: readonly string[]): Promise<void> {
    return this.#modify(`cn=${cn},${GROUPS}`, "member", membersOf(uids));
  }

  renameGroup(cn: string, other: string): Promise<void> {
    return this.#client.modifyDN(`cn=${cn},${GROUPS}`, `cn=${other},${GROUPS}`);
  }

  removeGroup(cn: string): Promise<void> {
    return this.#client.del(`cn=${cn},${GROUPS}`);
  }

  set(uid: string, attribute: string, value: string | null): Promise<void> {
    return this.#modify(`uid=${uid},${PEOPLE}`, attribute, value === null ? [] : [value]);
  }

  async #modify(dn: string, type: string, values: string[]): Promise<void> {
    const { Attribute, Change } = await import("ldapts");
    const operation = values.length === 0 ? "delete" : "replace";
    await this.#client.modify(dn, new Change({ operation, modification: new Attribute({ type, values }) }));
  }

  remove(uid: string): Promise<void> {
    return this.#client.del(`uid=${uid},${PEOPLE}`);
  }

  move(uid: string, dn: string): Promise<void> {
    return this.#client.modifyDN(`uid=${uid},${PEOPLE}`, dn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.unbind().catch(() => undefined);
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.exitCode === null && this.#child.kill("SIGKILL")) await ended;
  }
}

/** Names are written otherwise than the entries, as directories allow. */
function membersOf(uids: readonly string[]): string[] {
  return [ADMIN, ...uids.map((uid) => `UID=${escaped(uid.toUpperCase())}, ${PEOPLE}`)];
}

const escaped = (text: string) => text.replaceAll(",", "\\,");

/** Passes connections on, until it has passed on so many bytes of the answers: then it breaks them off. */
export async function cuttingProxy(target: string, bytes: number) {
  const { connect } = await import("node:net");
  const { hostname, port } = new URL(target);
  let left = bytes;
  const server = createServer((inner) => {
    const outer = connect(Number(port), hostname);
    inner.pipe(outer);
    outer.on("data", (chunk: Buffer) => {
      const part = chunk.subarray(0, Math.max(0, left));
      left -= chunk.length;
      inner.write(part);
      if (left <= 0) for (const socket of [inner, outer]) socket.destroy();
    });
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as { port: number };
  return { url: `ldap://127.0.0.1:${address.port}`, cut: () => left <= 0, [Symbol.dispose]: () => void server.close() };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
