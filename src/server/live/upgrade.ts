import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Limits } from "../../wire/limits.ts";
import { ownPath } from "../handler.ts";
import type { Live } from "./live.ts";
import { CLOSE, type LivePeer, type LiveSocket } from "./socket.ts";

/** A message comes in so many pieces at most; a frame of it in so many. */
const FRAGMENTS = 1_024;
const CHUNKS = 16_384;
/** Bytes that a socket may send before it has said whose it is. */
const STRANGER = 65_536;

/**
 * Takes over a request to upgrade where it is for a live connection, and otherwise leaves it to others: false. It fits
 * into `upgrade` of any server on node:http.
 */
export function upgraderOf(
  live: Live,
  limits: Pick<Limits, "body">,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.body,
    maxFragments: FRAGMENTS,
    maxBufferedChunks: CHUNKS,
  });
  return (request, socket, head) => {
    const url = addressOf(request);
    const space = url === null ? undefined : /^\/v1\/spaces\/([^/]*)\/live$/.exec(ownPath(url.pathname))?.[1];
    if (url === null || space === undefined) return false;
    socket.on("error", () => socket.destroy());
    void upgraded(live, sockets, { request, socket, head, url, space }).catch(() => socket.destroy());
    return true;
  };
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly url: URL;
  readonly space: string;
}

async function upgraded(live: Live, sockets: WebSocketServer, upgrade: Upgrade): Promise<void> {
  const { request, socket, head, url, space } = upgrade;
  const remote = (socket as { remoteAddress?: string }).remoteAddress;
  const handshake = await live.accept(new Request(url, { headers: headersOf(request) }), decoded(space), remote);
  if ("refused" in handshake) return refuse(socket, handshake.refused);
  sockets.handleUpgrade(request, socket, head, (webSocket) => attach(webSocket, socket, handshake.open));
}

function attach(webSocket: WebSocket, socket: Duplex, open: (socket: LiveSocket) => LivePeer): void {
  const most = socket.writableHighWaterMark;
  let taken = 0;
  const guard = (data: Buffer) => {
    taken += data.length;
    if (taken > STRANGER) webSocket.close(CLOSE.tooLarge, "too-large");
    if (taken > 2 * STRANGER) webSocket.terminate();
  };
  socket.on("data", guard);
  const peer = open({
    get full() {
      return webSocket.bufferedAmount > most;
    },
    send: (frame) => webSocket.send(frame, { binary: false }),
    welcome: () => socket.off("data", guard),
    ping: () => webSocket.ping(),
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    close: (code, reason) => webSocket.close(code, reason),
    terminate: () => webSocket.terminate(),
  });
  webSocket.on("message", (data: Buffer, binary: boolean) => peer.message(data, binary));
  webSocket.on("pong", () => peer.heard());
  webSocket.on("close", () => peer.closed());
  // What breaks the protocol is closed by the library, with a code that says why.
  webSocket.on("error", () => undefined);
  socket.on("drain", () => peer.drained());
}

function addressOf({ headers, url = "/" }: IncomingMessage): URL | null {
  const host = headers.host ?? "localhost";
  return URL.canParse(url, `http://${host}`) ? new URL(url, `http://${host}`) : null;
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  return headers;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Answers as HTTP, since there is no WebSocket yet. */
async function refuse(socket: Duplex, response: Response): Promise<void> {
  const body = await response.text();
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n`;
  socket.end(`HTTP/1.1 ${response.status} \r\n${headers}${length}\r\n${body}`);
}
