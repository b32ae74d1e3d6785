import type { Element } from "@xmldom/xmldom";
import { isObject, type Json } from "../../../util/json.ts";
import { type Page, type Source, type SourceChange, SourceError } from "../../source.ts";
import type { Answer, Failure, Question } from "../http/ask.ts";
import { basic } from "../http/auth.ts";
import { httpSource, type Run } from "../http/source.ts";
import { children, descend, escaped, type Xml, xml } from "../http/xml.ts";
import { type Cards, cards } from "./vcard.ts";

export interface CardDav {
  /** The address book itself: `https://dav.example/ann/contacts/`. */
  readonly address: string;
  readonly user: string;
  readonly password: string;
}

const DAV = "DAV:";
const CARDDAV = "urn:ietf:params:xml:ns:carddav";
/** Cards that are asked for at once. */
const SIZE = 100;

/** CardDAV (RFC 6352): contacts, by `sync-collection` (RFC 6578), which reports deletions, too. */
export function carddav({ address, user, password }: CardDav): Source {
  const book = address.endsWith("/") ? address : `${address}/`;
  return httpSource({
    name: "carddav",
    api: { address: book, auth: basic(user, password), failure },
    check: propfind(),
    streams: [{ name: "contacts", key: ["href"], deletes: "reported", read: (run) => contacts(run, book) }],
  });
}

interface Listed {
  /** Where it is, as a path. */
  readonly href: string;
  readonly gone: boolean;
}

interface Changes {
  readonly listed: readonly Listed[];
  readonly token: string;
  /** The server had more than it would say at once (RFC 6578 3.6). */
  readonly more: boolean;
  readonly position: string;
}

async function* contacts(run: Run, book: string): AsyncGenerator<Page> {
  const tools = { xml: await xml(), cards: await cards() };
  const known = isObject(run.cursor) ? (run.cursor as { token?: Json; pass?: Json }) : {};
  const pass = run.cursor === null || known.pass === true;
  let token = typeof known.token === "string" ? known.token : "";
  for (;;) {
    const changes = await changesSince(run, tools.xml, book, token);
    const gone = changes.listed
      .filter((each) => each.gone)
      .map((each): SourceChange => deletion(each.href, changes.position));
    const there = changes.listed.filter((each) => !each.gone).map(({ href }) => href);
    // Until all of them are read the token stays as it was: whoever is cut off asks for the same again.
    const before = run.window !== undefined || token === "" ? run.cursor : { token, ...(pass && { pass }) };
    let read: SourceChange[] = gone;
    for (let at = 0; at < there.length; at += SIZE) {
      if (at > 0) {
        yield { changes: read, cursor: before };
        read = [];
      }
      read = [...read, ...(await cardsAt(run, tools, there.slice(at, at + SIZE)))];
    }
    ({ token } = changes);
    const done = !changes.more;
    const cursor = run.window !== undefined ? run.cursor : { token, ...(pass && !done && { pass }) };
    yield { changes: read, cursor, ...(done && { last: pass && run.window === undefined ? "complete" : "caught-up" }) };
    if (done) return;
  }
}

async function changesSince({ ask }: Run, { parse }: Xml, book: string, token: string): Promise<Changes> {
  const body = `<d:sync-collection xmlns:d="DAV:"><d:sync-token>${escaped(token)}</d:sync-token><d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>`;
  const answer = await ask(report(body, 0));
  const root = parse(answer.text, answer.position);
  const next = descend(root, DAV, "sync-token")?.textContent?.trim() ?? "";
  if (next === "")
    throw new SourceError("protocol", `${answer.position}: no sync-token in the answer; is this an address book?`);
  const own = new URL(book).pathname;
  const responses = children(root, DAV, "response").map((response) => ({
    href: descend(response, DAV, "href")?.textContent?.trim() ?? "",
    status: statusOf(response),
  }));
  const isBook = ({ href }: { href: string }) => pathOf(href, book) === own;
  return {
    token: next,
    more: responses.some((each) => isBook(each) && each.status === 507),
    listed: responses
      .filter((each) => !isBook(each))
      .map(({ href, status }) => ({ href: pathOf(href, book), gone: status === 404 })),
    position: answer.position,
  };
}

async function cardsAt(run: Run, tools: { xml: Xml; cards: Cards }, hrefs: readonly string[]): Promise<SourceChange[]> {
  const asked = hrefs.map((href) => `<d:href>${escaped(href)}</d:href>`).join("");
  const body = `<c:addressbook-multiget xmlns:d="DAV:" xmlns:c="${CARDDAV}"><d:prop><d:getetag/><c:address-data/></d:prop>${asked}</c:addressbook-multiget>`;
  const answer = await run.ask(report(body, 1));
  const root = tools.xml.parse(answer.text, answer.position);
  return children(root, DAV, "response").map((response): SourceChange => {
    const href = pathOf(descend(response, DAV, "href")?.textContent?.trim() ?? "", answer.position);
    const where = new URL(href, answer.position).href;
    // Deleted between the two questions.
    if (statusOf(response) === 404) return deletion(href, where);
    const prop = children(response, DAV, "propstat")
      .map((each) => descend(each, DAV, "prop"))
      .find((each) => each !== null);
    const text = prop && descend(prop, CARDDAV, "address-data")?.textContent;
    const etag = (prop && descend(prop, DAV, "getetag")?.textContent) ?? null;
    if (!text) return broken(where, "", "the server gave no card");
    const card = tools.cards.read(text);
    if (card === null) return broken(where, text, "no vCard");
    const at = card.rev === null ? {} : { at: card.rev };
    return { op: "put", key: [href], value: { href, etag, ...card.value }, position: where, raw: text, ...at };
  });
}

function deletion(href: string, position: string): SourceChange {
  return { op: "delete", key: [href], position };
}

function broken(position: string, raw: string, message: string): SourceChange {
  return { op: "broken", position, raw, code: "unreadable", message };
}

/** Servers give a path, or a whole address; what is one card has one name. */
function pathOf(href: string, base: string): string {
  return new URL(href, base).pathname;
}

/** Of a response as a whole: a card that is gone has 404 there, and no properties. 0 where it has none. */
function statusOf(response: Element): number {
  const text = descend(response, DAV, "status")?.textContent ?? "";
  return Number(/^\s*HTTP\/\S+\s+(\d+)/.exec(text)?.[1] ?? 0);
}

function report(text: string, depth: number): Question {
  return {
    path: "",
    method: "REPORT",
    answer: "text",
    headers: headers(depth),
    text: `<?xml version="1.0" encoding="utf-8"?>${text}`,
  };
}

function propfind(): Question {
  const text = '<?xml version="1.0"?><d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/></d:prop></d:propfind>';
  return { path: "", method: "PROPFIND", answer: "text", headers: headers(0), text };
}

function headers(depth: number): Record<string, string> {
  return { "content-type": "application/xml; charset=utf-8", depth: String(depth) };
}

/** The server does not know the token any more (RFC 6578 3.2): only a complete pass helps. */
function failure({ status, text }: Answer): Failure | null {
  if (status < 400 || !/valid-sync-token/.test(text)) return null;
  return { code: "position", message: `${status}, the sync token is not known any more; a complete pass is needed` };
}
