/** One HTTP/1.0 request on a connection of its own, as some proxies in front of a relay send it. */
import { connect } from "node:net";

export interface Http10Request {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string;
  readonly timeoutMs: number;
}

export interface Http10Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** @returns null when there was no answer. Never rejects. */
export function sendHttp10(url: string, request: Http10Request): Promise<Http10Reply | null> {
  const { hostname, port } = new URL(url);
  const target = url.replace(/^[a-z]+:\/\/[^/?#]*/i, "") || "/";
  const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${request.method} ${target} HTTP/1.0\r\n${lines.join("")}\r\n${request.body}`);
    });
    socket.setTimeout(request.timeoutMs, () => socket.destroy());
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => {});
    // An HTTP/1.0 answer ends with its connection.
    socket.on("close", () => resolve(replyOf(Buffer.concat(chunks).toString())));
  });
}

function replyOf(text: string): Http10Reply | null {
  const end = text.indexOf("\r\n\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
  if (end < 0 || status === 0) return null;
  const head = text.slice(0, end);
  const contentType = /^content-type: *(.*)$/im.exec(head)?.[1] ?? "";
  return { status, contentType: contentType.trim(), body: text.slice(end + 4) };
}
