// CardDAV against Radicale, a server that others wrote.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { SourceCursor } from "../../src/ingest/source.ts";
import { carddav } from "../../src/ingest/sources/definitions/carddav.ts";
import { folderOf } from "../support/folder.ts";
import { skipUnless } from "../support/skip.ts";
import { Held, reading, realHttp, World } from "./http-support.ts";

const installed = (() => {
  try {
    execFileSync("radicale", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
const real = skipUnless(installed, "needs Radicale");
const AUTHORIZATION = `Basic ${btoa("ann:pass word")}`;

class Book {
  readonly address: string;

  private constructor(address: string) {
    this.address = address;
  }

  /** A Radicale with one address book. */
  static async open(): Promise<Book> {
    const folder = folderOf({ users: "ann:pass word\n" });
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address() as AddressInfo;
    free.close();
    await once(free, "close");
    const storage = `--storage-filesystem-folder=${join(folder, "data")}`;
    const auth = [
      "--auth-type=htpasswd",
      `--auth-htpasswd-filename=${join(folder, "users")}`,
      "--auth-htpasswd-encryption=plain",
    ];
    const child = spawn("radicale", [`--server-hosts=127.0.0.1:${port}`, storage, ...auth], { stdio: "ignore" });
    onTestFinished(async () => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    });
    const book = new Book(`http://127.0.0.1:${port}/ann/contacts/`);
    const kind =
      '<d:resourcetype><d:collection/><c:addressbook xmlns:c="urn:ietf:params:xml:ns:carddav"/></d:resourcetype>';
    const made = `<d:mkcol xmlns:d="DAV:"><d:set><d:prop>${kind}</d:prop></d:set></d:mkcol>`;
    for (;;) {
      const answer = await book.ask("MKCOL", "", made).catch(() => null);
      if (answer?.ok) return book;
      if (answer !== null) throw new Error(`Radicale answered ${answer.status}`);
      if (child.exitCode !== null) throw new Error("Radicale has ended");
    }
  }

  ask(method: string, path: string, body?: string): Promise<Response> {
    const type = method === "PUT" ? "text/vcard; charset=utf-8" : "application/xml; charset=utf-8";
    const headers = { authorization: AUTHORIZATION, "content-type": type };
    return fetch(this.address + path, { method, headers, ...(body !== undefined && { body }) });
  }

  async put(name: string, full: string, more = ""): Promise<void> {
    const card = `BEGIN:VCARD\r\nVERSION:3.0\r\nUID:${name}\r\nFN:${full}\r\nN:${full};;;;\r\n${more}END:VCARD\r\n`;
    const { ok, status } = await this.ask("PUT", `${name}.vcf`, card);
    if (!ok) throw new Error(`PUT: ${status}`);
  }

  read(cursor: SourceCursor, password = "pass word") {
    const [stream] = carddav({ address: this.address, user: "ann", password }).streams;
    return reading(stream!, { cursor, http: realHttp() });
  }
}

describe("CardDAV at a real Radicale", () => {
  real("[I3 I38] a complete pass, then what has changed and what was deleted, by sync token", async () => {
    const book = await Book.open();
    for (let i = 0; i < 230; i++) await book.put(`c${i}`, `Müller ${i}`);
    await book.put(
      "full",
      "Ann Example",
      "EMAIL;TYPE=work:ann@x.org\r\nTEL;TYPE=cell:+49 30 1234\r\nORG:Example\\, Inc.;Sales\r\nADR;TYPE=home:;;Main St 1;Berlin;;10115;Germany\r\nREV:2024-05-06T07:08:09Z\r\nCATEGORIES:a,b\r\n",
    );
    const first = await book.read(null);
    expect(first).toMatchObject({ error: undefined, last: "complete" });
    expect(first.pages.length).toBe(3);
    const held = new Held().take(first);
    expect(held.records.size).toBe(231);
    expect(held.records.get("/ann/contacts/c7.vcf")).toMatchObject({ name: "Müller 7", uid: "c7" });
    expect(held.records.get("/ann/contacts/full.vcf")).toMatchObject({
      emails: [{ value: "ann@x.org", types: ["work"] }],
      phones: [{ value: "+49 30 1234", types: ["cell"] }],
      organisation: "Example, Inc., Sales",
      addresses: [{ types: ["home"], street: "Main St 1", city: "Berlin", code: "10115", country: "Germany" }],
      categories: ["a", "b"],
    });

    await book.put("c1", "Renamed");
    await book.ask("DELETE", "c2.vcf");
    const second = await book.read(first.cursor);
    expect(second.changes.map(({ op, ...change }) => [op, "key" in change && change.key[0]]).sort()).toEqual([
      ["delete", "/ann/contacts/c2.vcf"],
      ["put", "/ann/contacts/c1.vcf"],
    ]);
    held.take(second);
    expect(held.records.get("/ann/contacts/c1.vcf")).toMatchObject({ name: "Renamed" });
    expect(await book.read(second.cursor)).toMatchObject({ changes: [], last: "caught-up" });
  });

  real(
    "[I3 I38] a sync token that the server does not know: a complete pass is needed; a wrong password: `denied`",
    async () => {
      const book = await Book.open();
      await book.put("a", "Ann");
      const unknown = { token: `http://radicale.org/ns/sync/${"0".repeat(64)}` };
      expect(await book.read(unknown)).toMatchObject({ pages: [], error: { code: "position" } });
      expect(await book.read(null, "wrong")).toMatchObject({ pages: [], error: { code: "denied" } });
    },
  );
});

describe("what Radicale does not do", () => {
  const sync = (token: string, responses: string) =>
    `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">${responses}<D:sync-token>${token}</D:sync-token></D:multistatus>`;
  const entry = (href: string) =>
    `<D:response><D:href>${href}</D:href><D:propstat><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>`;
  const card = (href: string, text: string) =>
    `<D:response><D:href>${href}</D:href><D:propstat><D:prop><D:getetag>"1"</D:getetag><A:address-data>${text}</A:address-data></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>`;
  const good = "BEGIN:VCARD\nVERSION:3.0\nFN:A\nEND:VCARD\n";

  test("[I38] a server that says half and 507 is asked for the rest; what is no card is broken, with its text", async () => {
    const world = new World(async (request) => {
      const body = await request.text();
      if (body.includes("multiget")) {
        const cards = [...body.matchAll(/<d:href>([^<]*)</g)].map(([, href = ""]) =>
          card(href, href.includes("bad") ? "no card" : good),
        );
        return new Response(
          `<D:multistatus xmlns:D="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav">${cards.join("")}</D:multistatus>`,
          { status: 207 },
        );
      }
      const more =
        "<D:response><D:href>/book/</D:href><D:status>HTTP/1.1 507 Insufficient Storage</D:status></D:response>";
      if (body.includes("t1")) return new Response(sync("t2", entry("/book/bad.vcf")), { status: 207 });
      return new Response(sync("t1", entry("/book/a.vcf") + more), { status: 207 });
    });
    const [stream] = carddav({ address: "http://dav.test/book", user: "ann", password: "x" }).streams;
    const read = await world.read(stream!, null);
    expect(read).toMatchObject({ error: undefined, last: "complete", cursor: { token: "t2" } });
    expect(read.pages[0]).toMatchObject({ cursor: { token: "t1", pass: true } });
    expect(read.changes).toMatchObject([
      { op: "put", key: ["/book/a.vcf"], value: { name: "A" } },
      { op: "broken", position: "http://dav.test/book/bad.vcf", raw: "no card", message: "no vCard" },
    ]);
  });

  test("[I31 I38] XML that is cut off is told, and the cursor stays", async () => {
    const world = new World(async () => new Response(sync("t2", entry("/book/a.vcf")).slice(0, 90), { status: 207 }));
    const [stream] = carddav({ address: "http://dav.test/book/", user: "ann", password: "x" }).streams;
    expect(await world.read(stream!, { token: "t1" })).toMatchObject({
      cursor: { token: "t1" },
      error: { code: "protocol" },
    });
  });
});
