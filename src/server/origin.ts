import { Problem } from "../wire/problem.ts";

/** Where a request comes from, as far as the server can know. */
export interface Origin {
  /** Whether it comes from this machine; null where the handler is mounted in a server that did not say. */
  readonly loopback: boolean | null;
  /** Of the caller, or of the nearest of proxies that are not trusted; null where it is not known. */
  readonly address: string | null;
}

export interface OriginSettings {
  readonly origins: readonly string[];
  readonly trustProxy: boolean;
  readonly open: boolean;
}

const FORWARDING = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

/**
 * Where a request comes from (A7). What a proxy passed on is of this machine only where the proxy is trusted to say so.
 * - `remote`: the address of the connection's other end.
 */
export function originOf(
  request: Request,
  remote: string | undefined,
  settings: Pick<OriginSettings, "trustProxy">,
): Origin {
  const forwarded = FORWARDING.some((header) => request.headers.has(header));
  const address = remote ?? null;
  if (!forwarded) return { loopback: remote === undefined ? null : isLoopbackAddress(remote), address };
  if (!settings.trustProxy) return { loopback: false, address };
  // The nearest proxy appends the address that it saw; what stands before it may be anybody's invention.
  const last = request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim();
  return { loopback: last !== undefined && isLoopbackAddress(last), address: last ?? null };
}

/**
 * Refuses what a page of another site may have sent to an open server: its Host and its Origin must be this machine's,
 * so that no name that an attacker bends to 127.0.0.1 reaches it (A7).
 */
export function checkOpen(request: Request, settings: OriginSettings): void {
  if (!settings.open) return;
  const hosts = [request.headers.get("host"), settings.trustProxy ? request.headers.get("x-forwarded-host") : null];
  const names = hosts.flatMap((host) => (host === null ? [] : [hostName(host)]));
  if (names.length === 0) names.push(new URL(request.url).hostname);
  const origin = request.headers.get("origin");
  if (names.every(isLoopbackName) && (origin === null || allowsOrigin(origin, settings))) return;
  throw new Problem(
    "forbidden",
    "a server without authentication answers only to loopback names (localhost, 127.0.0.1): set `auth`",
  );
}

export function allowsOrigin(origin: string, { origins, open }: OriginSettings): boolean {
  if (origins.includes(origin)) return true;
  if (!open) return origins.includes("*");
  return URL.canParse(origin) && isLoopbackName(new URL(origin).hostname);
}

/** Whether a page of that origin may open a socket, which no browser asks CORS for: also one that this host served. */
export function checkSocket(request: Request, settings: OriginSettings): void {
  const origin = request.headers.get("origin");
  if (origin === null || allowsOrigin(origin, settings)) return;
  const host =
    request.headers.get((settings.trustProxy && "x-forwarded-host") || "host") ?? request.headers.get("host");
  if (!settings.open && URL.canParse(origin) && new URL(origin).host === host) return;
  throw new Problem("forbidden", "pages of this origin may not use the server: set `origins` in the configuration");
}

/** The headers by which a browser lets a page of that origin read the answer; none for others. */
export function corsHeaders(request: Request, settings: OriginSettings): [string, string][] {
  const origin = request.headers.get("origin");
  if (origin === null) return [];
  const vary: [string, string] = ["vary", "origin"];
  if (!allowsOrigin(origin, settings)) return [vary];
  return [vary, ["access-control-allow-origin", origin], ["access-control-expose-headers", "retry-after"]];
}

/** What a page may send. Who may read the answer is said by `corsHeaders`, as in every answer. */
export function preflight(request: Request, settings: OriginSettings): Response {
  const headers = new Headers();
  const origin = request.headers.get("origin");
  if (origin !== null && allowsOrigin(origin, settings)) {
    headers.set("access-control-allow-methods", "GET, POST");
    headers.set("access-control-allow-headers", "authorization, content-type, content-encoding");
    headers.set("access-control-max-age", "600");
  }
  return new Response(null, { status: 204, headers });
}

export function isLoopbackAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, "");
  return plain === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(plain);
}

function hostName(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : "";
}

function isLoopbackName(name: string): boolean {
  const plain = name.replace(/^\[|\]$/g, "").toLowerCase();
  return plain === "localhost" || plain.endsWith(".localhost") || isLoopbackAddress(plain);
}
