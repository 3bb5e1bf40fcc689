import type { HttpResponse } from "uWebSockets.js";

export interface Reply {
  readonly status: number;
  /** Absent: no body. */
  readonly type?: string;
  readonly body?: string | Uint8Array;
  /** Beside those that every answer has; `Cache-Control` may be given here instead of no-store. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection is of no further use: its peer may still be sending a body that nobody reads. */
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
  500: "Internal Server Error",
  503: "Service Unavailable",
};

export function text(status: number, body: string, extra: Partial<Reply> = {}): Reply {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n`, ...extra };
}

export function json(status: number, body: unknown): Reply {
  return { status, type: "application/json; charset=utf-8", body: JSON.stringify(body) };
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
    response.writeStatus(`${reply.status} ${REASONS[reply.status] ?? "Status"}`);
    if (reply.type !== undefined) response.writeHeader("Content-Type", reply.type);
    const headers = {
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      ...reply.headers,
    };
    for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
    const close = reply.close ?? false;
    // A 204 gets a Content-Length of 0 by end(), which RFC 9110 (8.6) would rather not see and every client takes. The
    // binding's endWithoutBody() without a length is worse: it announces 2^63 bytes, and the next request on that
    // connection dies.
    if ((bodiless || reply.status === 304) && reply.status !== 204)
      response.endWithoutBody(Buffer.byteLength(reply.body ?? ""), close);
    else response.end(reply.body ?? "", close);
  });
}
