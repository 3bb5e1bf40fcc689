import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { RelayError } from "../../domain/errors.js";

/** A verified delivery. */
export interface OpenAiDelivery {
  /** `webhook-id`: the same for every repeat. */
  readonly id: string;
}

/** Deliveries older or newer than this are refused by the library; an id is worth remembering for no longer than both. */
export const DELIVERY_TTL_MS = 2 * 5 * 60_000;

/**
 * Checks that a webhook is OpenAI's, over its raw bytes: signature of standard-webhooks, five minutes of tolerance either way.
 *
 * @param header  reads a request header by its lower-case name; "" when it is absent.
 * @throws        RelayError auth_failed; nothing of the body is in it.
 */
export function verifyDelivery(
  secret: string,
  body: Buffer,
  header: (name: string) => string,
): OpenAiDelivery {
  const id = header("webhook-id");
  try {
    new Webhook(secret).verify(body.toString("utf8"), {
      "webhook-id": id,
      "webhook-timestamp": header("webhook-timestamp"),
      "webhook-signature": header("webhook-signature"),
    });
  } catch (error) {
    // The library also parses the JSON; what is signed and yet no JSON is refused all the same.
    const why = error instanceof WebhookVerificationError ? error.message : "the body is not JSON";
    throw new RelayError("auth_failed", `openai webhook: ${why}`);
  }
  return { id };
}
