/** Who may use the operator listener: the host that was asked, the page that asks, the token. */
import type { Config } from "../config/load.js";
import { hasRole, OPERATOR_ROLES, type Operator, type OperatorRole } from "../domain/operator.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { ConsoleSession, ConsoleSessions } from "./console-session.js";
import type { RequestHead } from "./exchange.js";
import { isExpectedHost } from "./host-check.js";
import { ADMIN, type NamedOperator, type OperatorDirectory } from "./operator-directory.js";
import { RefusalLog } from "./refusal-log.js";
import { json, type Reply } from "./reply.js";
import { TokenThrottle } from "./token-throttle.js";

export interface OperatorAuthParts {
  readonly config: Pick<Config, "adminHost">;
  readonly directory: OperatorDirectory;
  /** Null: the console's cookie opens nothing. */
  readonly sessions: ConsoleSessions | null;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "authFailures">;
  readonly log: Log;
}

/**
 * What a route requires of a request.
 * - A role: the bearer token or the console's cookie of an operator with at least this role. If no
 *   token is set, the request must come from this machine.
 * - `same_site`: no token, but no page of another site may send the request.
 * - `open`: no token, but the `Host` must be a name that this listener is known by.
 * - `public_files`: nothing, because the files hold no data.
 */
export type RouteAccess = OperatorRole | "same_site" | "open" | "public_files";

/** A request that was let in. */
export interface Admitted {
  readonly operator: Operator;
  /** The console's session; null: the request was not let in by the console's cookie. */
  readonly session: ConsoleSession | null;
  /** The token that let it in, or why it needed none: none is set, or the route requires none. */
  readonly by: Pick<NamedOperator, "tokenSha256"> | "no_token" | "no_sign_in";
}

type Refused = Reply | Promise<Reply>;

export type Admission = Admitted | { readonly refused: Refused };

const AS_ADMIN: Admitted = { operator: ADMIN, session: null, by: "no_token" };
/** For routes that require no sign-in. */
const WITHOUT_ROLE: Admitted = {
  operator: { name: "", role: "viewer" },
  session: null,
  by: "no_sign_in",
};

export function wantsRole(access: RouteAccess): access is OperatorRole {
  return OPERATOR_ROLES.some((role) => role === access);
}

/** Whether a request may read metrics and readiness, judged by its headers alone. */
export function mayReadHealth(
  adminHost: string,
  directory: OperatorDirectory,
  host: string,
  authorization: string,
): boolean {
  if (isExpectedHost(host, adminHost)) return true;
  // Operators may have a public name for the listener. A page that attacks has no token.
  return directory.withToken(bearerOf(authorization)) !== null;
}

export class OperatorAuth {
  readonly #parts: OperatorAuthParts;
  readonly #throttle: TokenThrottle;
  readonly #refusals: RefusalLog;

  constructor(parts: OperatorAuthParts) {
    this.#parts = parts;
    this.#throttle = new TokenThrottle(parts.clock);
    this.#refusals = new RefusalLog(parts.log, () => parts.clock.nowMs());
  }

  /**
   * Decides by the headers alone whether a request is let in. Ask `hasEnded` whether that still
   * holds later.
   *
   * @param signIn  the answer to a request that is not signed in. Default: 401 as JSON.
   */
  admit(head: RequestHead, access: RouteAccess, signIn?: () => Reply): Admission {
    if (wantsRole(access)) {
      const strange = this.#strangePage(head);
      return strange === null ? this.#signedIn(head, access, signIn) : { refused: strange };
    }
    const refused =
      access === "same_site"
        ? this.#strangePage(head)
        : access === "open"
          ? this.#strangeHost(head)
          : null;
    return refused === null ? WITHOUT_ROLE : { refused };
  }

  /**
   * True: the operator has signed out, the session has expired, or OPERATORS_FILE no longer has the
   * operator with this token and at least the same role.
   */
  async hasEnded(admitted: Admitted): Promise<boolean> {
    const { session } = admitted;
    if (!this.#isStillKnown(admitted)) return true;
    return session !== null && (await this.#parts.sessions?.hasEnded(session)) === true;
  }

  #isStillKnown({ operator, by }: Admitted): boolean {
    const { directory } = this.#parts;
    if (by === "no_sign_in") return true;
    if (by === "no_token") return directory.isOpen;
    const now = directory.withName(operator.name);
    return now !== null && now.tokenSha256 === by.tokenSha256 && hasRole(now, operator.role);
  }

  /** The answer to a request without a valid token or session. */
  unauthorized(signIn?: () => Reply): Reply {
    return (
      signIn?.() ?? {
        ...json(401, { error: "unauthorized" }),
        headers: { "WWW-Authenticate": "Bearer" },
      }
    );
  }

  /** The operator with this token, who may get a session; or the refusal. */
  async signIn(head: RequestHead, token: string): Promise<NamedOperator | Reply> {
    const isBlocked = this.#throttle.isBlocked(head.address);
    const operator = isBlocked ? null : this.#parts.directory.withToken(token);
    if (operator !== null) return operator;
    this.#parts.metrics.authFailures.add(1, "api", "invalid");
    this.#log(head, { reason: "invalid" });
    if (isBlocked) return tooManyTokens();
    await this.#throttle.wrongToken(head.address);
    return json(401, { error: "unauthorized" });
  }

  /** The refusal of a request that a page of another site seems to send; null: it is not such. */
  #strangePage(head: RequestHead): Reply | null {
    const origin = head.header("origin");
    if (origin !== "" && !(URL.canParse(origin) && new URL(origin).host === head.header("host")))
      return json(403, { error: "origin" });
    if (!this.#parts.directory.isOpen) return null;
    return isExpectedHost(head.header("host"), LOOPBACK) ? null : json(403, { error: "host" });
  }

  #strangeHost(head: RequestHead): Reply | null {
    const { config, directory } = this.#parts;
    const [host, authorization] = [head.header("host"), head.header("authorization")];
    if (mayReadHealth(config.adminHost, directory, host, authorization)) return null;
    if (typeof this.#session(head) === "object") return null;
    this.#log(head, { reason: "host" });
    return json(403, { error: "host" });
  }

  #signedIn(head: RequestHead, least: OperatorRole, signIn?: () => Reply): Admission {
    const { directory, metrics } = this.#parts;
    if (directory.isOpen) return AS_ADMIN;
    const token = bearerOf(head.header("authorization"));
    const isBlocked = token !== "" && this.#throttle.isBlocked(head.address);
    const owner = isBlocked ? null : directory.withToken(token);
    const session = owner === null ? this.#session(head) : null;
    if (owner !== null) return this.#withRole(owner, null, least, head);
    if (session !== null && typeof session === "object")
      return this.#withRole(session.operator, session, least, head);
    const reason = token === "" ? (session ?? "missing") : "invalid";
    metrics.authFailures.add(1, "api", reason);
    this.#log(head, { reason });
    if (isBlocked) return { refused: tooManyTokens() };
    const reply = this.unauthorized(signIn);
    if (token === "") return { refused: reply };
    return { refused: this.#throttle.wrongToken(head.address).then(() => reply) };
  }

  #withRole(
    operator: NamedOperator,
    session: ConsoleSession | null,
    least: OperatorRole,
    head: RequestHead,
  ): Admission {
    if (hasRole(operator, least)) return { operator, session, by: operator };
    this.#log(head, { reason: "role" });
    return { refused: json(403, { error: "role", message: `this needs the role ${least}` }) };
  }

  #session(head: RequestHead): ConsoleSession | "missing" | "invalid" {
    const { sessions } = this.#parts;
    if (sessions === null) return "missing";
    // Pages of another port of this machine share its cookies. Browsers send Sec-Fetch-Site. A
    // client that omits it is not a browser.
    if (/^(?:cross-site|same-site)$/.test(head.header("sec-fetch-site"))) return "missing";
    return sessions.read(head.header("cookie"));
  }

  #log(head: RequestHead, fields: { readonly reason: string }): void {
    const { path, address } = head;
    this.#refusals.refused("http: operator request refused", address, () => ({
      path: path.slice(0, MAX_LOGGED_CHARS),
      ...fields,
    }));
  }
}

const LOOPBACK = "127.0.0.1";
const MAX_LOGGED_CHARS = 100;

/** Too many wrong tokens came from this address; none is compared for now. */
function tooManyTokens(): Reply {
  return { ...json(429, { error: "too_many_tokens" }), headers: { "Retry-After": "2" } };
}

function bearerOf(authorization: string): string {
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "";
}
