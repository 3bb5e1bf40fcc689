/**
 * `GET /console`: the web console, its files, and signing in to it. `docs/console.md` has the reference.
 */

import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import { type ConsoleFile, type ConsoleFiles, readConsoleFiles } from "./console-files.js";
import type { ConsoleSessions } from "./console-session.js";
import type { RequestHead } from "./exchange.js";
import type { OperatorRequest, OperatorRoute } from "./ops-route.js";
import { json, type Reply, text } from "./reply.js";

export interface ConsoleRouteParts {
  /** Null: no ADMIN_TOKEN, so nobody signs in. */
  readonly sessions: ConsoleSessions | null;
  readonly metrics: Pick<Metrics, "authFailures">;
  readonly log: Log;
  /** A softphone on this machine may be talked to: `ws://127.0.0.1` is let through, and the microphone. Default false. */
  readonly phone?: boolean;
  /** Default: those beside the sources, read at the first request. */
  readonly files?: ConsoleFiles;
}

export function consoleRoutes(parts: ConsoleRouteParts): readonly OperatorRoute[] {
  const { sessions } = parts;
  const headers = strictHeaders(parts.phone ?? false);
  let read = parts.files ?? null;
  const files = (): ConsoleFiles => {
    read ??= readConsoleFiles();
    return read;
  };
  const strict = (reply: Reply): Reply => ({ ...reply, headers: { ...headers, ...reply.headers } });
  const signIn = (): Reply => {
    const { type, body } = files().signIn;
    return strict({ status: 401, type, body, headers: { "WWW-Authenticate": "Bearer" } });
  };
  return [
    {
      method: "GET",
      path: "/console",
      guarded: true,
      unauthorized: signIn,
      handle: ({ head }) => strict(fileReply(head, files().index)),
    },
    {
      method: "GET",
      path: "/console/session",
      guarded: false,
      // Whoever comes by a link on another site is not known by that first request, but by this one of the page.
      handle: ({ head }) =>
        strict(json(200, { signedIn: sessions?.judge(head.header("cookie")) === "good" })),
    },
    {
      method: "POST",
      path: "/console/session",
      guarded: false,
      sameSite: true,
      handle: (request) => strict(openSession(parts, request)),
    },
    {
      method: "DELETE",
      path: "/console/session",
      guarded: false,
      sameSite: true,
      handle: ({ head }) => {
        const cleared = sessions === null ? {} : { "Set-Cookie": sessions.clear(isSecure(head)) };
        return strict({ status: 204, headers: cleared });
      },
    },
    {
      method: "GET",
      path: "/console/*",
      guarded: false,
      handle: ({ head, params }) => {
        const file = files().open.get(params["rest"] ?? "");
        return strict(file === undefined ? text(404, "not found") : fileReply(head, file));
      },
    },
  ];
}

function openSession(
  { sessions, metrics, log }: ConsoleRouteParts,
  { head, body }: OperatorRequest,
): Reply {
  if (sessions === null) return { status: 204 };
  const token: unknown =
    typeof body === "object" && body !== null ? Reflect.get(body, "token") : null;
  if (typeof token !== "string")
    return json(400, { error: "invalid", message: "token is missing" });
  if (sessions.isToken(token))
    return { status: 204, headers: { "Set-Cookie": sessions.issue(isSecure(head)) } };
  metrics.authFailures.add(1, "api", "invalid");
  log.warn("operator sign-in refused");
  return json(401, { error: "unauthorized" });
}

/** A proxy in front speaks https, this listener never does: the page's own origin tells. */
function isSecure(head: RequestHead): boolean {
  return head.header("origin").startsWith("https://");
}

function fileReply(head: RequestHead, { type, body, etag }: ConsoleFile): Reply {
  const known = head
    .header("if-none-match")
    .split(",")
    .some((tag) => tag.trim().replace(/^W\//, "") === etag);
  return {
    status: known ? 304 : 200,
    type,
    body,
    headers: { ETag: etag, "Cache-Control": "no-cache" },
  };
}

function strictHeaders(phone: boolean): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `connect-src 'self'${phone ? " ws://127.0.0.1:*" : ""}`,
    "img-src 'self' data:",
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ];
  return {
    "Content-Security-Policy": policy.join("; "),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": `camera=(), geolocation=(), microphone=(${phone ? "self" : ""})`,
  };
}
