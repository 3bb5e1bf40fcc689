/**
 * Checks that a webhook is OpenAI's, over its raw bytes.
 * Source: standard-webhooks specification, symmetric signatures ("v1"); OpenAI, webhooks.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { RelayError } from "../../domain/errors.js";

/** A verified delivery. */
export interface OpenAiDelivery {
  /** `webhook-id`: the same for every repetition. */
  readonly id: string;
}

/** How far a delivery's time may be from the clock of this machine, either way. */
const TOLERANCE_MS = 5 * 60_000;
/** An id need not be remembered for longer: outside of this a delivery is refused. */
export const DELIVERY_TTL_MS = 2 * TOLERANCE_MS;
const MAX_ID_CHARS = 256;
/** While secrets are rotated there are two. */
const MAX_SIGNATURES = 8;
/** HMAC-SHA256 in base64: 32 bytes. */
const SIGNATURE = /^v1,[A-Za-z0-9+/]{43}=$/;

/** Reads a request header by its lower-case name; "" when it is absent. */
type HeaderReader = (name: string) => string;

/** What a delivery's headers alone show to be wrong; null: the body must be read to know more. */
export function deliveryFault(header: HeaderReader, epochMs: number): string | null {
  const id = header("webhook-id");
  if (id === "" || id.length > MAX_ID_CHARS) return "webhook-id is missing or too long";
  if (signaturesOf(header).length === 0) return "webhook-signature has no v1 signature";
  const timestamp = header("webhook-timestamp");
  if (!/^\d{1,12}$/.test(timestamp)) return "webhook-timestamp is not a number of seconds";
  const ageMs = epochMs - Number(timestamp) * 1000;
  if (ageMs > TOLERANCE_MS) return "webhook-timestamp is too old";
  if (ageMs < -TOLERANCE_MS) return "webhook-timestamp is in the future";
  return null;
}

/**
 * Checks the signature of a delivery whose headers have no fault.
 *
 * @param secret  `whsec_…`, base64 after the prefix.
 * @throws        RelayError auth_failed; nothing of the body is in it.
 */
export function verifyDelivery(
  secret: string,
  body: Uint8Array,
  header: HeaderReader,
): OpenAiDelivery {
  const id = header("webhook-id");
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const mac = createHmac("sha256", key)
    .update(`${id}.${header("webhook-timestamp")}.`)
    .update(body)
    .digest();
  const isSigned = signaturesOf(header).some((signature) =>
    timingSafeEqual(Buffer.from(signature.slice("v1,".length), "base64"), mac),
  );
  if (!isSigned) throw new RelayError("auth_failed", "openai webhook: no signature fits the body");
  return { id };
}

function signaturesOf(header: HeaderReader): readonly string[] {
  return header("webhook-signature")
    .split(" ", MAX_SIGNATURES)
    .filter((signature) => SIGNATURE.test(signature));
}
