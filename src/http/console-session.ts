/**
 * Sessions of the console: a cookie that holds its own end, signed with a key made from
 * ADMIN_TOKEN. Nothing is stored, so that every worker and node accepts it, a restart ends no
 * session, and a new token ends all of them.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../ports/clock.js";

/** From signing in to the end of the session: a working day. */
export const SESSION_MS = 12 * 3_600_000;
const COOKIE = "murelay_session";
const KEY_USE = "murelay console session 1";

export class ConsoleSessions {
  readonly #token: string;
  readonly #key: Buffer;
  readonly #clock: Pick<Clock, "epochMs">;

  /** @param adminToken  ADMIN_TOKEN. */
  constructor(adminToken: string, clock: Pick<Clock, "epochMs">) {
    this.#token = adminToken;
    this.#key = createHmac("sha256", adminToken).update(KEY_USE).digest();
    this.#clock = clock;
  }

  /** True for ADMIN_TOKEN. */
  isToken(given: string): boolean {
    return sameSecret(given, this.#token);
  }

  /** `Set-Cookie` after the token was given. @param secure  the page came by https. */
  issue(secure: boolean): string {
    const until = String(Math.floor((this.#clock.epochMs() + SESSION_MS) / 1000));
    return cookie(`${until}.${this.#sign(until)}`, SESSION_MS / 1000, secure);
  }

  /** `Set-Cookie` that ends the session in this browser. */
  clear(secure: boolean): string {
    return cookie("", 0, secure);
  }

  /**
   * @param header  the request's `Cookie`, "" when there is none.
   * @returns       "missing" also when there are only other cookies.
   */
  judge(header: string): "good" | "missing" | "invalid" {
    const values = header
      .split(";")
      .map((part) => part.trim())
      .filter((part) => part.startsWith(`${COOKIE}=`))
      .map((part) => part.slice(COOKIE.length + 1));
    if (values.length === 0) return "missing";
    return values.some((value) => this.#isGood(value)) ? "good" : "invalid";
  }

  #isGood(value: string): boolean {
    const [, until = "", mac = ""] = /^(\d{1,12})\.([\w-]{43})$/.exec(value) ?? [];
    return sameSecret(mac, this.#sign(until)) && Number(until) * 1000 > this.#clock.epochMs();
  }

  #sign(until: string): string {
    return createHmac("sha256", this.#key).update(until).digest("base64url");
  }
}

/** Compares in constant time. Digests are compared, so that lengths tell nothing either. */
export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
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
