/** `GET /console`: the web console, its files, and signing in to it. See `docs/console.md`. */
import { RelayError } from "../domain/errors.js";
import { OPERATOR_ROLES } from "../domain/operator.js";
import type { AuditLog } from "../records/audit-log.js";
import { type ConsoleFile, type ConsoleFiles, readConsoleFiles } from "./console-files.js";
import type { ConsoleSession, ConsoleSessions } from "./console-session.js";
import type { RequestHead } from "./exchange.js";
import { BOOLEAN, failure, nullable, object, oneOf, STRING } from "./openapi/route-doc.js";
import type { OperatorAuth } from "./operator-auth.js";
import { ADMIN } from "./operator-directory.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import { json, type Reply, text } from "./reply.js";

export interface ConsoleRouteParts {
  readonly auth: Pick<OperatorAuth, "signIn">;
  /** Null: there is no token, so signing in is not needed. */
  readonly sessions: ConsoleSessions | null;
  readonly audit: Pick<AuditLog, "write">;
  /**
   * The page may talk to a softphone on this machine: `ws://127.0.0.1` and the microphone are
   * allowed. Default false.
   */
  readonly phone?: boolean;
  /** Default: those beside the sources, read at the first request. */
  readonly files?: ConsoleFiles;
}

const HTML = "text/html; charset=utf-8";

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
      access: "viewer",
      doc: {
        summary: "The web console",
        answers: {
          200: { description: "The page", type: HTML },
          304: { description: "The page has not changed" },
          401: { description: "A page to sign in", type: HTML },
        },
      },
      unauthorized: signIn,
      handle: ({ head }) => strict(fileReply(head, files().index)),
    },
    {
      method: "GET",
      path: "/console/session",
      access: "public_files",
      doc: {
        summary: "Who is signed in with this browser",
        answers: {
          200: {
            description: "Without a session `operator` is null, or the admin if no token is set",
            schema: object({ signedIn: BOOLEAN, operator: nullable(OPERATOR) }),
          },
        },
      },
      // The browser sends no cookie with a request that follows a link of another site. The page
      // that it loads then asks this, and sends the cookie.
      handle: async ({ head }) => strict(json(200, await signedInOperator(sessions, head))),
    },
    {
      method: "POST",
      path: "/console/session",
      access: "same_site",
      doc: {
        summary: "Signs in: the token becomes a cookie",
        body: object({ token: STRING }),
        answers: {
          204: { description: "Signed in" },
          401: failure("Not the token"),
          429: failure("Too many wrong tokens from this address"),
        },
      },
      handle: async (request) => strict(await openSession(parts, request)),
    },
    {
      method: "DELETE",
      path: "/console/session",
      access: "same_site",
      doc: {
        summary: "Signs out, on all processes",
        answers: {
          204: { description: "Signed out" },
          503: failure("The database is away: other processes may still accept the session"),
        },
      },
      handle: async ({ head }) => strict(await closeSession(parts, head)),
    },
    {
      method: "GET",
      path: "/console/*",
      access: "public_files",
      doc: {
        summary: "Scripts and styles of the console; they hold no data",
        answers: {
          200: { description: "The file", type: "*/*" },
          304: { description: "The file has not changed" },
          404: { description: "No such file", type: "text/plain; charset=utf-8" },
        },
      },
      handle: ({ head, params }) => {
        const file = files().open.get(params["rest"] ?? "");
        return strict(file === undefined ? text(404, "not found") : fileReply(head, file));
      },
    },
  ];
}

const OPERATOR = object({ name: STRING, role: oneOf(...OPERATOR_ROLES) });

async function signedInOperator(sessions: ConsoleSessions | null, head: RequestHead) {
  if (sessions === null) return { signedIn: false, operator: ADMIN };
  const session = sessions.read(head.header("cookie"));
  if (typeof session === "string" || (await sessions.hasEnded(session)))
    return { signedIn: false, operator: null };
  const { name, role } = session.operator;
  return { signedIn: true, operator: { name, role } };
}

async function closeSession(
  { sessions, audit }: ConsoleRouteParts,
  head: RequestHead,
): Promise<Reply> {
  if (sessions === null) return { status: 204 };
  const headers = { "Set-Cookie": sessions.clear(isSecure(head)) };
  const session = sessions.read(head.header("cookie"));
  if (typeof session === "string") return { status: 204, headers };
  const reply = await endedEverywhere(sessions, session);
  const { operator } = session;
  audit.write({ operator, action: "sign_out", callSid: null, status: reply.status });
  return { ...reply, headers };
}

async function endedEverywhere(sessions: ConsoleSessions, session: ConsoleSession): Promise<Reply> {
  try {
    await sessions.end(session);
    return { status: 204 };
  } catch (error) {
    if (error instanceof RelayError && error.code === "store_unavailable")
      return json(503, { error: error.code });
    throw error;
  }
}

async function openSession(
  { auth, sessions, audit }: ConsoleRouteParts,
  { head, body }: OperatorRequest,
): Promise<Reply> {
  if (sessions === null) return { status: 204 };
  const token: unknown =
    typeof body === "object" && body !== null ? Reflect.get(body, "token") : null;
  if (typeof token !== "string")
    return json(400, { error: "invalid", message: "token is missing" });
  const operator = await auth.signIn(head, token);
  if ("status" in operator) return operator;
  audit.write({ operator, action: "sign_in", callSid: null, status: 204 });
  return { status: 204, headers: { "Set-Cookie": sessions.issue(operator, isSecure(head)) } };
}

/** This listener never speaks https, but a proxy in front may: the page's own origin says so. */
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
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
  };
}
