import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ExpiringMap } from "../../domain/expiring-map.js";
import type { CallSid } from "../../domain/ids.js";
import type { Clock } from "../../ports/clock.js";
import { ClockOffsets } from "./clock-offsets.js";

/** From TwiML to `start`: a `<Say>` before the stream and a slow carrier fit in. */
const LIFETIME_MS = 120_000;
/** How far the clock of the node that issued a token may be ahead of this one's. */
const MAX_AHEAD_MS = 600_000;

export type TokenCheck = "ok" | "missing" | "invalid" | "expired" | "replayed";

/**
 * One-shot tokens that tie a media stream to the call whose TwiML named it:
 * `<expiry>.<nonce>.<mac>`, the mac over call, expiry, nonce and the claims that travel beside it
 * as stream parameters (agent, numbers), so that none can be changed. Any process with the same
 * secret can check one. Whether it was used here is known here; among several processes `onceKey`
 * is claimed as well.
 */
export class StreamTokens {
  /** Of each secret, the one that signs first. */
  readonly #keys: readonly Buffer[];
  readonly #clock: Pick<Clock, "nowMs" | "epochMs">;
  /** The clock may be set between the webhook's answer and the stream. */
  readonly #offsets: ClockOffsets;
  /** Nonces of tokens that were used, until these expire by any clock. */
  readonly #spent = new ExpiringMap<string, true>({ ttlMs: LIFETIME_MS + MAX_AHEAD_MS });

  /**
   * @param secrets  something that only this service's processes know. The first one signs, and all
   *                 of them check: while secrets are rotated, nodes with the old and the new one
   *                 run together.
   */
  constructor(secrets: readonly string[], clock: Pick<Clock, "nowMs" | "epochMs">) {
    this.#keys = secrets.map((secret) =>
      createHmac("sha256", secret).update("murelay stream token").digest(),
    );
    this.#clock = clock;
    this.#offsets = new ClockOffsets(clock, LIFETIME_MS);
  }

  issue(callSid: CallSid, claims: readonly string[]): string {
    const expiry = (Math.round(this.#clock.epochMs()) + LIFETIME_MS).toString(36);
    const nonce = randomBytes(12).toString("base64url");
    const signed = signedText(callSid, expiry, nonce, claims);
    return `${expiry}.${nonce}.${macOf(this.#keys[0] ?? "", signed)}`;
  }

  /** The key to claim among processes so that a valid token is used once, and for how long. */
  onceKey(token: string): { readonly key: string; readonly ttlMs: number } {
    // As long as the clock of any process may take the token for valid.
    const ttlMs = LIFETIME_MS + Math.max(0, this.aheadMs(token));
    return { key: `stream:${token.split(".")[1] ?? ""}`, ttlMs };
  }

  /** How far the issuer's clock is ahead of this one's, at least; negative: it may be behind. */
  aheadMs(token: string): number {
    return -this.#ageMs(token);
  }

  /** Checks a token and marks it as used. */
  redeem(token: string | undefined, callSid: CallSid, claims: readonly string[]): TokenCheck {
    const check = this.verify(token, callSid, claims);
    const [, nonce] = token?.split(".") ?? [];
    if (check === "ok" && nonce !== undefined) this.#spent.set(nonce, true, this.#clock.nowMs());
    return check;
  }

  /** Checks a token only. */
  verify(token: string | undefined, callSid: CallSid, claims: readonly string[]): TokenCheck {
    if (token === undefined || token === "") return "missing";
    const [expiry, nonce, mac, more] = token.split(".");
    if (expiry === undefined || nonce === undefined || mac === undefined || more !== undefined)
      return "invalid";
    const signed = signedText(callSid, expiry, nonce, claims);
    if (!this.#keys.some((key) => isSame(mac, macOf(key, signed)))) return "invalid";
    const ageMs = this.#ageMs(token);
    if (!(ageMs < LIFETIME_MS)) return "expired";
    if (ageMs < -MAX_AHEAD_MS) return "invalid";
    return this.#spent.has(nonce, this.#clock.nowMs()) ? "replayed" : "ok";
  }

  /** Since the token was issued; negative: the issuer's clock is ahead. */
  #ageMs(token: string): number {
    const ages = this.#offsets.agesMs(expiryOf(token) - LIFETIME_MS);
    const isGood = (ageMs: number): boolean => ageMs < LIFETIME_MS && ageMs >= -MAX_AHEAD_MS;
    return ages.find(isGood) ?? ages[0] ?? Number.NaN;
  }
}

function signedText(
  callSid: CallSid,
  expiry: string,
  nonce: string,
  claims: readonly string[],
): string {
  return JSON.stringify([callSid, expiry, nonce, ...claims]);
}

function macOf(key: Buffer | string, signed: string): string {
  return createHmac("sha256", key).update(signed).digest("base64url");
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function expiryOf(token: string): number {
  return Number.parseInt(token.split(".")[0] ?? "", 36);
}
