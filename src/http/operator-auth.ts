/** Who may use the operator listener: the host that was asked, the page that asks, the token. */
import type { Config } from "../config/load.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import { type ConsoleSessions, sameSecret } from "./console-session.js";
import type { RequestHead } from "./exchange.js";
import { isExpectedHost } from "./host-check.js";
import { RefusalLog } from "./refusal-log.js";
import { json, type Reply } from "./reply.js";
import { TokenThrottle } from "./token-throttle.js";

export interface OperatorAuthParts {
  readonly config: Pick<Config, "adminHost" | "adminToken">;
  /** Null: the console's cookie opens nothing. */
  readonly sessions: ConsoleSessions | null;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "authFailures">;
  readonly log: Log;
}

/**
 * - `guarded`: all of /api and the console. Wants the bearer token or the console's cookie, where a
 *   token is set; without a token only this machine is let in.
 * - `same_site`: no token, and yet no page of another site may ask it.
 * - `open`: no token, but the host must be one that the listener is known by.
 * - `public_files`: files without data.
 */
export type RouteAccess = "guarded" | "same_site" | "open" | "public_files";

type Refused = Reply | Promise<Reply>;

/** Whether a request may read metrics and readiness, judged by its headers alone. */
export function mayReadHealth(
  config: Pick<Config, "adminHost" | "adminToken">,
  host: string,
  authorization: string,
): boolean {
  if (isExpectedHost(host, config.adminHost)) return true;
  // Operators may have a public name for the listener. A page that attacks has no token.
  return isAdminToken(config, authorization);
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
   * Null when the request may go on.
   *
   * @param signIn  the answer to a request that is not signed in. Default: 401 as JSON.
   */
  refusal(head: RequestHead, access: RouteAccess, signIn?: () => Reply): Refused | null {
    switch (access) {
      case "guarded":
        return this.#strangePage(head) ?? this.#unauthorized(head, signIn);
      case "same_site":
        return this.#strangePage(head);
      case "open":
        return this.#strangeHost(head);
      case "public_files":
        return null;
    }
  }

  /** Null when this is the token, so that a session may be given for it. */
  async signInRefusal(head: RequestHead, token: string): Promise<Reply | null> {
    const isBlocked = this.#throttle.isBlocked(head.address);
    if (!isBlocked && this.#parts.sessions?.isToken(token) === true) return null;
    this.#parts.metrics.authFailures.add(1, "api", "invalid");
    this.#log(head, { reason: "invalid" });
    if (isBlocked) return tooManyTokens();
    await this.#throttle.wrongToken(head.address);
    return json(401, { error: "unauthorized" });
  }

  /** Null, or the refusal of a request that a page of another site seems to send. */
  #strangePage(head: RequestHead): Reply | null {
    const origin = head.header("origin");
    if (origin !== "" && !(URL.canParse(origin) && new URL(origin).host === head.header("host")))
      return json(403, { error: "origin" });
    if (this.#parts.config.adminToken !== null) return null;
    return isExpectedHost(head.header("host"), LOOPBACK) ? null : json(403, { error: "host" });
  }

  #strangeHost(head: RequestHead): Reply | null {
    const [host, authorization] = [head.header("host"), head.header("authorization")];
    if (mayReadHealth(this.#parts.config, host, authorization)) return null;
    if (this.#cookie(head) === "good") return null;
    this.#log(head, { reason: "host" });
    return json(403, { error: "host" });
  }

  #unauthorized(head: RequestHead, signIn?: () => Reply): Refused | null {
    const { config, metrics } = this.#parts;
    if (config.adminToken === null) return null;
    const token = bearerOf(head.header("authorization"));
    const isBlocked = token !== "" && this.#throttle.isBlocked(head.address);
    if (!isBlocked && this.#hasToken(head)) return null;
    const cookie = this.#cookie(head);
    if (cookie === "good") return null;
    const reason = token === "" ? cookie : "invalid";
    metrics.authFailures.add(1, "api", reason);
    this.#log(head, { reason });
    if (isBlocked) return tooManyTokens();
    const reply = signIn?.() ?? {
      ...json(401, { error: "unauthorized" }),
      headers: { "WWW-Authenticate": "Bearer" },
    };
    return token === "" ? reply : this.#throttle.wrongToken(head.address).then(() => reply);
  }

  #hasToken(head: RequestHead): boolean {
    return isAdminToken(this.#parts.config, head.header("authorization"));
  }

  #cookie(head: RequestHead): "good" | "missing" | "invalid" {
    const { sessions } = this.#parts;
    if (sessions === null) return "missing";
    // Pages of another port of this machine share its cookies. Browsers send Sec-Fetch-Site. A
    // client that omits it is not a browser.
    if (/^(?:cross-site|same-site)$/.test(head.header("sec-fetch-site"))) return "missing";
    return sessions.judge(head.header("cookie"));
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

function isAdminToken({ adminToken }: Pick<Config, "adminToken">, authorization: string): boolean {
  return adminToken !== null && sameSecret(bearerOf(authorization), adminToken);
}

function bearerOf(authorization: string): string {
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "";
}
