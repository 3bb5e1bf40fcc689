/**
 * Sessions of the console: a cookie that names the operator and holds its own end, signed with a
 * key that all processes have. Every worker and node accepts it, and a restart ends no session.
 * Signing out ends it on all of them: its id is kept as ended until its time is up.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ExpiringMap } from "../domain/expiring-map.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { SharedState } from "../ports/store.js";
import type { NamedOperator, OperatorDirectory } from "./operator-directory.js";

/** From signing in to the end of the session: a working day. */
export const SESSION_MS = 12 * 3_600_000;
const COOKIE = "murelay_session";
const KEY_USE = "murelay console session 2";
/** From the first look until an ended session of another process is noticed. */
const LOOK_AGAIN_MS = 1_000;
/** Sessions that are remembered in either way. */
const MAX_KEPT = 10_000;

export interface ConsoleSessionsDeps {
  /** A secret that all processes of the service share. */
  readonly secret: string;
  readonly directory: OperatorDirectory;
  readonly state: Pick<SharedState, "getState" | "putState">;
  readonly clock: Pick<Clock, "epochMs">;
  readonly log: Log;
}

export interface ConsoleSession {
  readonly id: string;
  readonly operator: NamedOperator;
  readonly untilMs: number;
}

export class ConsoleSessions {
  readonly #deps: ConsoleSessionsDeps;
  /** Sessions that are known to have ended. */
  readonly #ended = new ExpiringMap<string, true>({ ttlMs: SESSION_MS, maxSize: MAX_KEPT });
  /** Sessions that were found to go on a moment ago. */
  readonly #current = new ExpiringMap<string, true>({ ttlMs: LOOK_AGAIN_MS, maxSize: MAX_KEPT });

  constructor(deps: ConsoleSessionsDeps) {
    this.#deps = deps;
  }

  /** `Set-Cookie` after the token was given. @param secure  the page came by https. */
  issue(operator: NamedOperator, secure: boolean): string {
    const until = String(Math.floor((this.#deps.clock.epochMs() + SESSION_MS) / 1000));
    const name = Buffer.from(operator.name).toString("base64url");
    const payload = `${until}.${randomBytes(16).toString("base64url")}.${name}`;
    return cookie(`${payload}.${this.#sign(payload, operator)}`, SESSION_MS / 1000, secure);
  }

  /** `Set-Cookie` that takes the session out of this browser. */
  clear(secure: boolean): string {
    return cookie("", 0, secure);
  }

  /**
   * @param header  the request's `Cookie`, "" when there is none.
   * @returns       "missing" also when there are only other cookies. A session that was signed
   *                out of is still read: ask `hasEnded`.
   */
  read(header: string): ConsoleSession | "missing" | "invalid" {
    const values = header
      .split(";")
      .map((part) => part.trim())
      .filter((part) => part.startsWith(`${COOKIE}=`))
      .map((part) => part.slice(COOKIE.length + 1));
    if (values.length === 0) return "missing";
    for (const value of values) {
      const session = this.#read(value);
      if (session !== null) return session;
    }
    return "invalid";
  }

  /** Ends the session on all processes. Rejects when the database is away. */
  async end({ id, untilMs }: ConsoleSession): Promise<void> {
    const { clock, state } = this.#deps;
    const nowMs = clock.epochMs();
    this.#ended.set(id, true, nowMs);
    await state.putState(keyOf(id), "", Math.max(1, untilMs - nowMs));
  }

  /**
   * Whether the session has expired, or its operator has signed out. Never rejects: while the
   * database is away, it knows only of those who signed out here.
   */
  async hasEnded({ id, untilMs }: ConsoleSession): Promise<boolean> {
    const { clock, log, state } = this.#deps;
    const nowMs = clock.epochMs();
    if (untilMs <= nowMs) return true;
    if (this.#ended.has(id, nowMs)) return true;
    if (this.#current.has(id, nowMs)) return false;
    try {
      if ((await state.getState(keyOf(id))) !== null) {
        this.#ended.set(id, true, nowMs);
        return true;
      }
    } catch (error) {
      log.warn("console: session not looked up", {}, error);
    }
    this.#current.set(id, true, nowMs);
    return false;
  }

  #read(value: string): ConsoleSession | null {
    const match = /^((\d{1,12})\.([\w-]{22})\.([\w-]{1,100}))\.([\w-]{43})$/.exec(value);
    if (match === null) return null;
    const [, payload = "", until = "", id = "", name = "", mac = ""] = match;
    const operator = this.#deps.directory.withName(Buffer.from(name, "base64url").toString());
    if (operator === null || !isSame(mac, this.#sign(payload, operator))) return null;
    const untilMs = Number(until) * 1000;
    return untilMs > this.#deps.clock.epochMs() ? { id, operator, untilMs } : null;
  }

  /** A new token of the operator makes their earlier sessions invalid. */
  #sign(payload: string, { tokenSha256 }: NamedOperator): string {
    const key = createHmac("sha256", this.#deps.secret).update(`${KEY_USE} ${tokenSha256}`);
    return createHmac("sha256", key.digest()).update(payload).digest("base64url");
  }
}

function keyOf(id: string): string {
  return `console_session_ended:${id}`;
}

/** Compares in constant time. Both have 43 characters. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(Buffer.from(given, "latin1"), Buffer.from(expected, "latin1"));
}

function cookie(value: string, maxAgeS: number, secure: boolean): string {
  const fields = [
    `${COOKIE}=${value}`,
    "HttpOnly",
    "SameSite=Strict",
    "Path=/",
    `Max-Age=${maxAgeS}`,
  ];
  return [...fields, ...(secure ? ["Secure"] : [])].join("; ");
}
