import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

export const PUBLIC = "https://relay.test";

export interface SeenRequest {
  readonly httpVersion: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly form: Readonly<Record<string, string>>;
}

/** What a path answers: TwiML verbs (wrapped in `<Response>`), or a status. */
export type PathAnswer = string | number | ((request: SeenRequest) => string | number);

/** TwiML with one stream, and what follows it. */
export const STREAM_TWIML =
  `<Connect action="${PUBLIC}/connect-ended"><Stream url="wss://relay.test/media-stream">` +
  `<Parameter name="token" value="t&amp;1"/></Stream></Connect>`;

/**
 * A relay that only answers what a test says and keeps what it saw. It shares no code with the
 * simulators or the relay.
 */
export class PlainRelay {
  readonly seen: SeenRequest[] = [];
  readonly sockets: WebSocket[] = [];
  readonly upgrades: SeenRequest[] = [];
  readonly paths: Record<string, PathAnswer> = {};
  contentType = "text/xml";
  refuseUpgrade: number | null = null;
  /** Runs for every text message of a stream. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects
  onMessage: (message: any, socket: WebSocket) => void = () => {};
  readonly #server: Server;

  constructor() {
    const streams = new WebSocketServer({ noServer: true });
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const seen = seenOf(request, Buffer.concat(chunks).toString());
        this.seen.push(seen);
        const path = seen.path.split("?")[0] ?? "";
        const answer = this.paths[path] ?? 204;
        const value = typeof answer === "function" ? answer(seen) : answer;
        if (typeof value === "number") {
          response.writeHead(value).end();
          return;
        }
        response.writeHead(200, { "content-type": this.contentType });
        response.end(
          value.startsWith("<?")
            ? value
            : `<?xml version="1.0" encoding="UTF-8"?><Response>${value}</Response>`,
        );
      });
    });
    this.#server.on("upgrade", (request, socket, head) => {
      this.upgrades.push(seenOf(request, ""));
      if (this.refuseUpgrade !== null) {
        socket.end(
          `HTTP/1.1 ${this.refuseUpgrade} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
        );
        return;
      }
      streams.handleUpgrade(request, socket, head, (peer) => {
        this.sockets.push(peer);
        peer.on("error", () => {});
        peer.on("message", (data: Buffer) => this.onMessage(JSON.parse(data.toString()), peer));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Forms posted to a path. */
  forms(path: string): Readonly<Record<string, string>>[] {
    return this.seen
      .filter((request) => request.path.split("?")[0] === path)
      .map((request) => request.form);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      for (const socket of this.sockets) socket.terminate();
      this.#server.closeAllConnections();
      this.#server.close(() => resolve());
    });
  }
}

function seenOf(request: IncomingMessage, body: string): SeenRequest {
  return {
    httpVersion: request.httpVersion,
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    form: Object.fromEntries(new URLSearchParams(body)),
  };
}
