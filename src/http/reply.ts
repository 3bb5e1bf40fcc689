import type { HttpResponse } from "uWebSockets.js";

export interface Reply {
  readonly status: number;
  /** Absent: no body. */
  readonly type?: string;
  readonly body?: string | Uint8Array;
  /** A long body, written part by part as fast as the peer reads. Replaces `body`. */
  readonly chunks?: AsyncIterable<string | Uint8Array>;
  /** Beside those of every answer; `Cache-Control` given here replaces no-store. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection ends: its peer may still be sending a body that is not read. */
  readonly close?: boolean;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  302: "Found",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  411: "Length Required",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  422: "Unprocessable Content",
  426: "Upgrade Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};

export function text(status: number, body: string, extra: Partial<Reply> = {}): Reply {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n`, ...extra };
}

export const JSON_TYPE = "application/json; charset=utf-8";

export function json(status: number, body: unknown): Reply {
  return { status, type: JSON_TYPE, body: JSON.stringify(body) };
}

export function methodNotAllowed(allowed: readonly string[]): Reply {
  return text(405, "method not allowed", { headers: { Allow: allowed.join(", ") } });
}

export const NOT_FOUND = text(404, "not found");

/**
 * Writes a whole answer in one system call. Call it once, and never after the request was aborted.
 *
 * @param bodiless  the answer to a HEAD: everything but the body.
 */
export function write(response: HttpResponse, reply: Reply, bodiless = false): void {
  response.cork(() => {
    writeHead(response, reply);
    const close = reply.close ?? false;
    // end() gives a 204 a Content-Length of 0, which RFC 9110 (8.6) advises against and every
    // client accepts. The binding's endWithoutBody() without a length is worse: it announces 2^63
    // bytes, and the next request on that connection fails.
    if ((bodiless || reply.status === 304) && reply.status !== 204)
      response.endWithoutBody(Buffer.byteLength(reply.body ?? ""), close);
    else response.end(reply.body ?? "", close);
  });
}

/** Writes status and headers. Call it inside of `cork`. */
export function writeHead(response: HttpResponse, { status, type, headers }: Reply): void {
  response.writeStatus(`${status} ${REASONS[status] ?? "Status"}`);
  if (type !== undefined) response.writeHeader("Content-Type", type);
  const all = { "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", ...headers };
  for (const [name, value] of Object.entries(all)) response.writeHeader(name, value);
}
