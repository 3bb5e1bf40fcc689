/** Finds the route of a request to the operator listener, checks it, reads its body and runs it. */
import type { Operator } from "../domain/operator.js";
import type { Log } from "../ports/log.js";
import type { AuditLog } from "../records/audit-log.js";
import { BodyBudget } from "./body-budget.js";
import { callSidOf } from "./call-sid.js";
import type { Exchange, RequestHead } from "./exchange.js";
import type { RouteDoc } from "./openapi/route-doc.js";
import type { Admitted, OperatorAuth, RouteAccess } from "./operator-auth.js";
import { json, methodNotAllowed, NOT_FOUND, type Reply } from "./reply.js";

export interface OperatorRequest {
  readonly head: RequestHead;
  readonly operator: Operator;
  /** For answers that go on: true when the operator may no longer get them (`OperatorAuth`). */
  hasEnded(): Promise<boolean>;
  /** Decoded values of the `:name` parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  /** Decoded. Of a repeated name, the first value. */
  readonly query: URLSearchParams;
  /** The parsed JSON body of a POST; null when it has none. */
  readonly body: unknown;
}

export interface OperatorRoute {
  readonly method: "GET" | "POST" | "DELETE";
  /**
   * For example "/api/calls/:callSid". A last part "*" takes the rest of the path, which may be
   * empty, as the parameter "rest".
   */
  readonly path: string;
  readonly access: RouteAccess;
  /** The name under which each request goes to the audit log, with the status of its answer. */
  readonly audit?: string;
  /** For `GET /openapi.json`. */
  readonly doc: RouteDoc;
  /** The answer to a request that is not signed in. Absent: 401 as JSON. */
  readonly unauthorized?: () => Reply;
  handle(request: OperatorRequest): Promise<Reply> | Reply;
  /** Replaces `handle` for answers that go on (server-sent events): it owns the exchange. */
  readonly stream?: (exchange: Exchange, request: OperatorRequest) => void;
}

const MAX_BODY_BYTES = 64 * 1024;
/** The body of a peer who has not signed in is at most a token, as JSON. */
const MAX_UNKNOWN_BODY_BYTES = 4 * 1024;

interface CompiledRoute extends OperatorRoute {
  readonly parts: readonly string[];
}

export class OperatorRouter {
  readonly #auth: OperatorAuth;
  readonly #audit: Pick<AuditLog, "write">;
  readonly #log: Log;
  readonly #routes: readonly CompiledRoute[];
  readonly #budget = new BodyBudget();

  constructor(
    auth: OperatorAuth,
    audit: Pick<AuditLog, "write">,
    log: Log,
    routes: readonly OperatorRoute[],
  ) {
    this.#auth = auth;
    this.#audit = audit;
    this.#log = log;
    this.#routes = routes.map((route) => ({ ...route, parts: route.path.slice(1).split("/") }));
  }

  handle(exchange: Exchange): void {
    const { head } = exchange;
    const matching = this.#routes.flatMap((route) => {
      const params = match(route.parts, head.path);
      return params === null ? [] : [{ route, params }];
    });
    const method = head.method === "HEAD" ? "GET" : head.method;
    const [found] = matching
      .filter(({ route }) => route.method === method)
      .sort((a, b) => opennessOf(a.route) - opennessOf(b.route));
    if (matching.length === 0) {
      exchange.answer(NOT_FOUND);
      return;
    }
    if (found === undefined) {
      exchange.answer(methodNotAllowed([...new Set(matching.map(({ route }) => route.method))]));
      return;
    }
    const { route, params } = found;
    exchange.route = route.path;
    const admitted = this.#auth.admit(head, route.access, route.unauthorized);
    if ("refused" in admitted) {
      Promise.resolve(admitted.refused).then((reply) => exchange.answer(reply));
      return;
    }
    const request = {
      head,
      operator: admitted.operator,
      hasEnded: () => this.#auth.hasEnded(admitted),
      params,
      query: new URLSearchParams(head.query),
    };
    // A body can only be read before the first wait.
    if (method === "POST")
      this.#withBody(exchange, request, admitted, (read) =>
        this.#begin(exchange, route, read, admitted),
      );
    else this.#begin(exchange, route, { ...request, body: null }, admitted);
  }

  #begin(
    exchange: Exchange,
    route: OperatorRoute,
    request: OperatorRequest,
    admitted: Admitted,
  ): void {
    if (admitted.session === null) this.#run(exchange, route, request);
    else
      void this.#auth.hasEnded(admitted).then((ended) => {
        if (ended) exchange.answer(this.#auth.unauthorized(route.unauthorized));
        else this.#run(exchange, route, request);
      });
  }

  #withBody(
    exchange: Exchange,
    request: Omit<OperatorRequest, "body">,
    { by }: Admitted,
    done: (request: OperatorRequest) => void,
  ): void {
    const limits =
      by === "no_sign_in"
        ? { maxBytes: MAX_UNKNOWN_BODY_BYTES, budget: this.#budget }
        : { maxBytes: MAX_BODY_BYTES };
    exchange.readBody(limits, (bytes) => {
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
      done({ ...request, body });
    });
  }

  #run(exchange: Exchange, route: OperatorRoute, request: OperatorRequest): void {
    if (route.stream !== undefined) {
      route.stream(exchange, request);
      return;
    }
    this.#answer(exchange, route, request).catch((error: unknown) => {
      this.#log.error("http: operator request failed", { path: route.path }, error);
      this.#writeAudit(route, request, 500);
      exchange.answer(json(500, { error: "internal" }));
    });
  }

  async #answer(exchange: Exchange, route: OperatorRoute, request: OperatorRequest): Promise<void> {
    const reply = await route.handle(request);
    this.#writeAudit(route, request, reply.status);
    if (reply.chunks === undefined) exchange.answer(reply);
    else await exchange.answerInParts(reply, reply.chunks);
  }

  #writeAudit(
    { audit: action }: OperatorRoute,
    { operator, params }: OperatorRequest,
    status: number,
  ): void {
    if (action === undefined) return;
    this.#audit.write({ operator, action, callSid: callSidOf(params["callSid"]), status });
  }
}

/** A path that is named in full goes before one with parameters, and that before "the rest". */
function opennessOf({ path, parts }: CompiledRoute): number {
  return path.endsWith("*")
    ? parts.length + 1
    : parts.filter((part) => part.startsWith(":")).length;
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
    // Bad percent-encoding: no route has such a path.
    return null;
  }
}
