import { StoreError } from "../../store.ts";
import type { Place } from "../place.ts";
import type { Wake } from "./wake.ts";

/** Milliseconds: to connect in, and between two pings, of which two may stay unanswered. */
const TIMES = { timeout: 5_000, pingInterval: 10_000 };

export function isNatsUrl(text: string): boolean {
  return /^(nats|tls):\/\//i.test(text);
}

/**
 * A subject of NATS: `nats://user:password@host:4222,other:4222?subject=…`, or `tls://`, or `nats://token@host`.
 * Without a subject of its own a database has one by its name and schema.
 *
 * @throws StoreError where the driver is not installed, or the address is none.
 */
export async function natsWake(url: string, { driver, schema }: Place): Promise<Wake> {
  const { servers, subject = `tidemark.wake.${tokenOf(driver.database)}.${schema}`, ...login } = parse(url);
  const { connect } = await import("@nats-io/transport-node").catch((error: unknown) => {
    const cure = "install it beside tidemark: npm install @nats-io/transport-node";
    throw new StoreError("unavailable", `The client of NATS is not installed: ${cure}.`, { cause: error });
  });
  return {
    text: `NATS at ${servers.join(", ")} (subject ${subject})`,
    async connect(hear) {
      const connection = await connect({
        ...TIMES,
        ...login,
        servers,
        name: "tidemark",
        noEcho: true,
        reconnect: false,
      });
      const refused = Promise.withResolvers<string>();
      // Without the right to hear or to send it would be deaf or dumb, and nobody would be told.
      connection.subscribe(subject, {
        callback: (error, message) => (error === null ? hear(message.string()) : refused.resolve(error.message)),
      });
      void watchErrors(connection.status(), refused.resolve);
      connection.publish(subject, "");
      const closed = connection.closed().then((error) => error?.message || "the connection was closed");
      const lost = Promise.race([refused.promise, closed]).then((cause) => {
        connection.close().catch(() => undefined);
        return cause;
      });
      const flush = () => Promise.race([connection.flush(), lost.then((cause) => Promise.reject(new Error(cause)))]);
      await flush();
      // What was refused has been told by the second answer at the latest.
      await flush();
      return {
        lost,
        async send(messages) {
          for (const message of messages) connection.publish(subject, message);
          await flush();
        },
        close: () => void connection.close().catch(() => undefined),
      };
    },
  };
}

type Status = { readonly type: string; readonly error?: Error };

async function watchErrors(statuses: AsyncIterable<Status>, refused: (cause: string) => void): Promise<void> {
  for await (const { type, error } of statuses) if (type === "error") refused(error?.message ?? "refused");
}

interface Parsed {
  /** `host:port`, so that no message about one holds user or password. */
  readonly servers: string[];
  readonly subject?: string | undefined;
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  readonly tls?: object;
}

function parse(text: string): Parsed {
  const [scheme = "", rest = ""] = text.split("://");
  const [hosts = "", query] = rest.split("?");
  const subject = new URLSearchParams(query).get("subject") ?? undefined;
  const at = hosts.lastIndexOf("@");
  const servers = hosts.slice(at + 1).split(",");
  const [user = "", pass] = hosts.slice(0, Math.max(0, at)).split(":");
  if (!servers.every((server) => /^[\w.-]+(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i.test(server)) || !isSubject(subject)) {
    throw new StoreError("unavailable", "The address of NATS is not of the form nats://user:password@host:4222.");
  }
  const login = pass === undefined ? { token: decoded(user) } : { user: decoded(user), pass: decoded(pass) };
  return { servers, subject, ...(at >= 0 && login), ...(scheme.toLowerCase() === "tls" && { tls: {} }) };
}

function decoded(text: string): string {
  return URL.canParse(`nats://${text}@host`) ? decodeURIComponent(text) : text;
}

function isSubject(subject: string | undefined): boolean {
  return subject === undefined || /^[\w-]+(\.[\w-]+)*$/.test(subject);
}

/** A part of a subject. */
function tokenOf(name: string): string {
  return name.replace(/[^\w-]/g, "_");
}
