/**
 * Checks that a request is Twilio's before anything else sees it. The checks run in the order of
 * their cost: the head, the length, the form of the signature, the body, the signature itself. A
 * stranger's request of 64 KiB costs the event loop less than 2 ms.
 */
import { twilioSignatureValid } from "../adapters/twilio/rest.js";
import type { LogFields } from "../ports/log.js";
import type { AuthFailureReason, AuthSurface, Metrics } from "../ports/metrics.js";
import type { Form } from "../relay/calls/callback-link.js";
import { BodyBudget } from "./body-budget.js";
import type { Exchange, RequestHead } from "./exchange.js";
import { parseForm } from "./form.js";
import { OneATurn } from "./one-a-turn.js";
import type { RefusalLog } from "./refusal-log.js";
import { text } from "./reply.js";
import { TokenBuckets } from "./token-buckets.js";

/** Twilio's largest forms are a few KiB. */
export const MAX_BODY_BYTES = 64 * 1024;
/**
 * The most requests from addresses with many refusals that wait for the check of their signature.
 */
const MAX_SUSPECTS = 1000;
/** Longest body from an address with many refusals. Twilio's forms are shorter. */
const MAX_SUSPECT_BODY_BYTES = 8 * 1024;
const REFUSALS_PER_ADDRESS = { capacity: 50, perSecond: 5 };
/** HMAC-SHA1 in base64: 20 bytes. */
const SIGNATURE = /^[A-Za-z0-9+/]{27}=$/;
const MAX_LOGGED_CHARS = 200;

export interface GuardOptions {
  /** The relay's address as Twilio knows it; never taken from the request. */
  readonly publicUrl: string;
  readonly accountSid: string;
  /** The auth tokens of the account: one, or two during a rotation. */
  readonly authTokens: readonly string[];
  /** False only on a loopback listener, which the checks of the settings ensure. */
  readonly validate: boolean;
  readonly metrics: Pick<Metrics, "authFailures">;
  readonly refusals: RefusalLog;
  readonly nowMs: () => number;
}

/** A form whose signature is valid, or is not checked because `validate` is false. */
export interface SignedForm {
  readonly form: Form;
  readonly query: Form;
}

export class WebhookGuard {
  readonly #options: GuardOptions;
  readonly #suspects = new OneATurn(MAX_SUSPECTS);
  readonly #budget = new BodyBudget();
  readonly #refused = new TokenBuckets(REFUSALS_PER_ADDRESS);

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * Reads a form and passes it on if Twilio signed it. Otherwise it is answered with 400, 403, 413
   * or 503, and `accepted` never runs.
   *
   * @param path  the path after PUBLIC_URL, without any prefix that a proxy has added.
   * Source: twilio.com/docs/usage/security.
   */
  form(exchange: Exchange, path: string, accepted: (signed: SignedForm) => void): void {
    const { head, declaredBytes } = exchange;
    const { publicUrl, validate, nowMs } = this.#options;
    const url = publicUrl + path + (head.query === "" ? "" : `?${head.query}`);
    const signature = head.header("x-twilio-signature");
    if (declaredBytes !== null && declaredBytes > MAX_BODY_BYTES) {
      exchange.answer(text(413, `the body is larger than ${MAX_BODY_BYTES} bytes`, CLOSE));
      return;
    }
    if (validate && !SIGNATURE.test(signature)) {
      this.#refuse(exchange, signature === "" ? "missing" : "invalid", url, null);
      return;
    }
    const isSuspect = this.#refused.isEmpty(head.address, nowMs());
    if (isSuspect && (declaredBytes ?? MAX_BODY_BYTES) > MAX_SUSPECT_BODY_BYTES) {
      this.#refuse(exchange, "invalid", url, null);
      return;
    }
    const limits = { maxBytes: MAX_BODY_BYTES, budget: this.#budget };
    const check = (body: Buffer): void => {
      const fields = parseForm(body.toString("utf8"));
      const query = parseForm(head.query);
      if (fields === null || query === null) {
        this.#refuse(exchange, "invalid", url, null);
        return;
      }
      if (validate && !this.#isSigned(signature, [url], fields.all)) {
        this.#refuse(exchange, "invalid", url, fields.first["AccountSid"] ?? null);
        return;
      }
      accepted({ form: fields.first, query: query.first });
    };
    exchange.readBody(limits, (body) => {
      if (!isSuspect) check(body);
      else if (!this.#suspects.run(() => check(body)))
        exchange.answer(text(503, "too many requests are being checked", CLOSE));
    });
  }

  /**
   * Whether Twilio signed a request without a body, for one of these URLs. A refusal is counted and
   * logged; the caller answers it.
   */
  signedHead(
    surface: AuthSurface,
    head: Pick<RequestHead, "address" | "header">,
    urls: readonly string[],
  ): boolean {
    if (!this.#options.validate) return true;
    const signature = head.header("x-twilio-signature");
    if (SIGNATURE.test(signature) && this.#isSigned(signature, urls, {})) return true;
    const reason = signature === "" ? "missing" : "invalid";
    this.#count(surface, reason, head, urls[0] ?? "", null);
    return false;
  }

  #isSigned(
    signature: string,
    urls: readonly string[],
    params: Readonly<Record<string, string | readonly string[]>>,
  ): boolean {
    const { authTokens } = this.#options;
    return urls.some((url) => twilioSignatureValid(authTokens, signature, url, params));
  }

  #refuse(
    exchange: Exchange,
    reason: AuthFailureReason,
    url: string,
    accountSid: string | null,
  ): void {
    this.#count("webhook", reason, exchange.head, url, accountSid);
    exchange.answer(text(403, "forbidden", CLOSE));
  }

  #count(
    surface: AuthSurface,
    reason: AuthFailureReason,
    head: Pick<RequestHead, "address" | "header">,
    url: string,
    accountSid: string | null,
  ): void {
    const { metrics, refusals, nowMs } = this.#options;
    metrics.authFailures.add(1, surface, reason);
    this.#refused.take(head.address, nowMs());
    refusals.refused("http: request without a valid X-Twilio-Signature refused", head.address, () =>
      this.#cause(surface, reason, head, url, accountSid),
    );
  }

  /** What an operator needs to find the wrong setting. */
  #cause(
    surface: AuthSurface,
    reason: AuthFailureReason,
    head: Pick<RequestHead, "header">,
    url: string,
    accountSid: string | null,
  ): LogFields {
    const host = head.header("host");
    const known =
      accountSid === null ? {} : { ourAccount: accountSid === this.#options.accountSid };
    return {
      surface,
      reason,
      // Values of the query may be secrets of callback links.
      signedUrl: url.replace(/=[^&]*/g, "=…").slice(0, MAX_LOGGED_CHARS),
      host: host.slice(0, MAX_LOGGED_CHARS),
      hostDiffers: host !== new URL(url).host,
      ...known,
    };
  }
}

const CLOSE = { close: true };
