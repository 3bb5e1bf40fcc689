/**
 * The operator listener: metrics, readiness, and a supervisor's hand on live calls.
 */

import { isLoopbackHost } from "../config/hosts.js";
import type { Config } from "../config/load.js";
import type { CallSid } from "../domain/ids.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { CallService, Refusal } from "../relay/calls/call-service.js";
import { type ConsoleSessions, sameSecret } from "./console-session.js";
import type { Exchange, RequestHead } from "./exchange.js";
import { json, methodNotAllowed, NOT_FOUND, type Reply } from "./reply.js";

export interface OperatorRequest {
  readonly head: RequestHead;
  /** Decoded values of the `:name` parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  /** Decoded; of a repeated name the first. */
  readonly query: URLSearchParams;
  /** The parsed JSON body of a POST; null when it has none. */
  readonly body: unknown;
}

export interface OperatorRoute {
  readonly method: "GET" | "POST" | "DELETE";
  /** "/api/calls/:callSid". A last part "*" takes the rest of the path, also none, as the parameter "rest". */
  readonly path: string;
  /** True for all of /api and the console: wants the bearer token or the console's cookie, where a token is set. */
  readonly guarded: boolean;
  /** Not guarded, and yet no page of another site may ask it. */
  readonly sameSite?: boolean;
  /** Guarded: the answer to whoever has not signed in. Absent: 401 as JSON. */
  readonly unauthorized?: () => Reply;
  handle(request: OperatorRequest): Promise<Reply> | Reply;
  /** Instead of `handle`, for answers that go on (server-sent events): takes the exchange over. */
  readonly stream?: (exchange: Exchange, request: OperatorRequest) => void;
}

export interface OperatorRouterParts {
  readonly config: Pick<Config, "adminHost" | "adminToken">;
  /** Absent: the console's cookie opens nothing. */
  readonly sessions?: ConsoleSessions | null;
  readonly desk: Pick<CallService, "readiness" | "transfer" | "end">;
  /** The Prometheus text and its content type. */
  readonly scrape: () => Promise<{ readonly type: string; readonly body: string }>;
  readonly metrics: Pick<Metrics, "authFailures">;
  readonly log: Log;
}

const MAX_BODY_BYTES = 64 * 1024;

const REFUSAL_STATUS: Readonly<Record<Refusal, number>> = {
  not_found: 404,
  not_live: 409,
  destination_unknown: 422,
  invalid: 400,
};

interface CompiledRoute extends OperatorRoute {
  readonly parts: readonly string[];
}

export class OperatorRouter {
  readonly #parts: OperatorRouterParts;
  readonly #routes: readonly CompiledRoute[];

  constructor(parts: OperatorRouterParts, extra: readonly OperatorRoute[]) {
    this.#parts = parts;
    this.#routes = [...ownRoutes(parts), ...extra].map((route) => ({
      ...route,
      parts: route.path.slice(1).split("/"),
    }));
  }

  handle(exchange: Exchange): void {
    const { head } = exchange;
    const matching = this.#routes.flatMap((route) => {
      const params = match(route.parts, head.path);
      return params === null ? [] : [{ route, params }];
    });
    const method = head.method === "HEAD" ? "GET" : head.method;
    // The path that says it outright goes before one that takes the rest.
    const found =
      matching.find(({ route }) => route.method === method && !route.path.endsWith("*")) ??
      matching.find(({ route }) => route.method === method);
    if (matching.length === 0) {
      exchange.answer(NOT_FOUND);
      return;
    }
    if (found === undefined) {
      exchange.answer(methodNotAllowed([...new Set(matching.map(({ route }) => route.method))]));
      return;
    }
    const { route } = found;
    const refused = route.guarded
      ? (this.#strange(head) ?? this.#unauthorized(head, route))
      : route.sameSite === true
        ? this.#strange(head)
        : null;
    if (refused !== null) {
      exchange.answer(refused);
      return;
    }
    const request = { head, params: found.params, query: new URLSearchParams(head.query) };
    if (method === "POST") this.#withBody(exchange, route, request);
    else this.#run(exchange, route, { ...request, body: null });
  }

  #withBody(
    exchange: Exchange,
    route: OperatorRoute,
    request: Omit<OperatorRequest, "body">,
  ): void {
    exchange.readBody(MAX_BODY_BYTES, (bytes) => {
      let body: unknown = null;
      if (bytes.length > 0) {
        // A page of another site can post forms and plain text unasked, but not this type.
        if (!/^application\/json\b/i.test(request.head.header("content-type"))) {
          exchange.answer(json(415, { error: "content_type", message: "send application/json" }));
          return;
        }
        try {
          body = JSON.parse(bytes.toString("utf8"));
        } catch {
          exchange.answer(json(400, { error: "invalid", message: "the body is not JSON" }));
          return;
        }
      }
      this.#run(exchange, route, { ...request, body });
    });
  }

  #run(exchange: Exchange, route: OperatorRoute, request: OperatorRequest): void {
    if (route.stream !== undefined) {
      route.stream(exchange, request);
      return;
    }
    Promise.resolve()
      .then(() => route.handle(request))
      .catch((error: unknown) => {
        this.#parts.log.error("operator request failed", { path: route.path }, error);
        return json(500, { error: "internal" });
      })
      .then((reply) => exchange.answer(reply));
  }

  /** Null, or why a page that is not ours seems to ask. */
  #strange(head: RequestHead): Reply | null {
    // A browser names the page's own site: another site's pages have no business here.
    const origin = head.header("origin");
    if (origin !== "" && !(URL.canParse(origin) && new URL(origin).host === head.header("host")))
      return json(403, { error: "origin" });
    if (this.#parts.config.adminToken !== null) return null;
    // Without a token only this machine is let in; a foreign name that resolves to it is a rebinding attack.
    const host = head.header("host").replace(/:\d+$/, "");
    return isLoopbackHost(host) ? null : json(403, { error: "host" });
  }

  /** Null when the request may go on. */
  #unauthorized(head: RequestHead, route: OperatorRoute): Reply | null {
    const { config, metrics, log } = this.#parts;
    if (config.adminToken === null) return null;
    const given = /^Bearer +(\S+)$/i.exec(head.header("authorization"))?.[1] ?? "";
    if (sameSecret(given, config.adminToken)) return null;
    const cookie = this.#cookie(head);
    if (cookie === "good") return null;
    const reason = given === "" ? cookie : "invalid";
    metrics.authFailures.add(1, "api", reason);
    log.warn("operator request refused", { reason });
    if (route.unauthorized !== undefined) return route.unauthorized();
    return { ...json(401, { error: "unauthorized" }), headers: { "WWW-Authenticate": "Bearer" } };
  }

  #cookie(head: RequestHead): "good" | "missing" | "invalid" {
    const { sessions } = this.#parts;
    if (sessions === undefined || sessions === null) return "missing";
    // Pages of another port of this machine share its cookies. Browsers say so; whoever says nothing is none.
    if (/^(?:cross-site|same-site)$/.test(head.header("sec-fetch-site"))) return "missing";
    return sessions.judge(head.header("cookie"));
  }
}

function ownRoutes({ desk, scrape }: OperatorRouterParts): readonly OperatorRoute[] {
  return [
    {
      method: "GET",
      path: "/metrics",
      guarded: false,
      handle: async () => {
        const { type, body } = await scrape();
        return { status: 200, type, body };
      },
    },
    {
      method: "GET",
      path: "/ready",
      guarded: false,
      handle: () => {
        const readiness = desk.readiness();
        return json(readiness.ready ? 200 : 503, readiness);
      },
    },
    {
      method: "POST",
      path: "/api/calls/:callSid/transfer",
      guarded: true,
      handle: async ({ params, body }) => {
        const destination = field(body, "destination");
        const reason = field(body, "reason");
        if (destination === null)
          return json(400, { error: "invalid", message: "destination is missing" });
        const callSid = callSidOf(params["callSid"]);
        if (callSid === null) return refusalReply("not_found");
        const refusal = await desk.transfer(callSid, destination, reason);
        return refusal === null ? json(202, { callSid, destination }) : refusalReply(refusal);
      },
    },
    {
      method: "POST",
      path: "/api/calls/:callSid/end",
      guarded: true,
      handle: async ({ params }) => {
        const callSid = callSidOf(params["callSid"]);
        if (callSid === null) return refusalReply("not_found");
        const refusal = await desk.end(callSid);
        return refusal === null ? json(202, { callSid }) : refusalReply(refusal);
      },
    },
  ];
}

function refusalReply(refusal: Refusal): Reply {
  return json(REFUSAL_STATUS[refusal], { error: refusal });
}

/** A non-empty text of a JSON object, else null. */
function field(body: unknown, name: string): string | null {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, name) : null;
  return typeof value === "string" && value !== "" ? value : null;
}

/** Brands what looks like a call's SID, or like the id of one that came to the model by a trunk; else null. */
export function callSidOf(text: string | undefined): CallSid | null {
  return text !== undefined && /^(?:CA[0-9A-Za-z]{1,62}|rtc_[\w-]{1,100})$/.test(text)
    ? (text as CallSid)
    : null;
}

/** The named parts of a path that fits, else null. */
function match(parts: readonly string[], path: string): Record<string, string> | null {
  const segments = path.slice(1).split("/");
  const params: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    if (part === "*" && i === parts.length - 1) {
      params["rest"] = segments.slice(i).join("/");
      return params;
    }
    const segment = segments[i];
    if (segment === undefined) return null;
    if (part.startsWith(":")) {
      const value = decoded(segment);
      if (value === null || value === "") return null;
      params[part.slice(1)] = value;
    } else if (part !== segment) return null;
  }
  return segments.length === parts.length ? params : null;
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Bad percent-encoding: a path that no route has.
    return null;
  }
}
