/**
 * What stands between the public listener and everything behind it: size, form, signature.
 */
import { twilioSignatureValid } from "../adapters/twilio/rest.js";
import type { Log } from "../ports/log.js";
import type { AuthSurface, Metrics } from "../ports/metrics.js";
import type { Form } from "../relay/calls/call-service.js";
import type { Exchange } from "./exchange.js";
import { text } from "./reply.js";

/** Twilio's largest forms are a few KiB. */
export const MAX_BODY_BYTES = 64 * 1024;

export interface GuardOptions {
  /** As Twilio knows us; never taken from the request. */
  readonly publicUrl: string;
  /** Those of the account, during a rotation both. */
  readonly authTokens: readonly string[];
  /** False only on a loopback listener (the settings see to it). */
  readonly validate: boolean;
  readonly metrics: Pick<Metrics, "authFailures">;
  readonly log: Log;
}

/** A form whose signature was good, or need not be. */
export interface SignedForm {
  readonly form: Form;
  readonly query: Form;
}

export class WebhookGuard {
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * Reads a form and passes it on if Twilio signed it; otherwise answers 413 or 403 and `accepted` never runs.
   * Source: twilio.com/docs/usage/security; a GET's or an upgrade's parameters are none, its query is in the URL.
   */
  form(exchange: Exchange, path: string, accepted: (signed: SignedForm) => void): void {
    exchange.readBody(MAX_BODY_BYTES, (body) => {
      const fields = new URLSearchParams(body.toString("utf8"));
      const { query } = exchange.head;
      const url = this.#options.publicUrl + path + (query === "" ? "" : `?${query}`);
      if (
        !this.signed("webhook", exchange.head.header("x-twilio-signature"), [url], repeated(fields))
      ) {
        exchange.answer(text(403, "forbidden"));
        return;
      }
      accepted({ form: first(fields), query: first(new URLSearchParams(query)) });
    });
  }

  /** True when any of the URLs was signed. Counts and logs each refusal by its reason. */
  signed(
    surface: AuthSurface,
    signature: string,
    urls: readonly string[],
    params: Readonly<Record<string, string | readonly string[]>> = {},
  ): boolean {
    const { validate, authTokens, metrics, log } = this.#options;
    if (!validate) return true;
    if (urls.some((url) => twilioSignatureValid(authTokens, signature, url, params))) return true;
    const reason = signature === "" ? "missing" : "invalid";
    metrics.authFailures.add(1, surface, reason);
    log.warn("request refused: X-Twilio-Signature", { surface, reason });
    return false;
  }
}

/** Field → value, or values where a name is repeated: the signature covers all of them. */
function repeated(fields: URLSearchParams): Record<string, string | readonly string[]> {
  return Object.fromEntries(
    [...new Set(fields.keys())].map((name) => {
      const values = fields.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? "") : values];
    }),
  );
}

/** Field → its first value. */
function first(fields: URLSearchParams): Form {
  return Object.fromEntries(
    [...new Set(fields.keys())].map((name) => [name, fields.get(name) ?? ""]),
  );
}
