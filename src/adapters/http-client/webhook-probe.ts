import { createHmac, randomUUID } from "node:crypto";
import type { Network } from "../network/network.js";
import { type ProbeAnswer, postText } from "./http-probe.js";

/** OpenAI sends nothing of this type, and a relay ignores types that it does not know. */
const HARMLESS = "murelay.check";

/**
 * Posts an event as OpenAI would, signed with the configured secret. The answer tells whether the
 * relay behind the URL has the same one: 2xx it has, 400 it has another, 404 it has none.
 *
 * @param secret  `whsec_…`.
 * Source: standard-webhooks specification, symmetric signatures.
 */
export function probeWebhook(
  url: string,
  secret: string,
  epochMs: number,
  network?: Network,
): Promise<ProbeAnswer> {
  const id = `check_${randomUUID()}`;
  const timestamp = String(Math.floor(epochMs / 1000));
  const body = JSON.stringify({
    object: "event",
    id,
    type: HARMLESS,
    created_at: Number(timestamp),
    data: {},
  });
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const mac = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${mac}`,
  };
  return postText(url, body, headers, network);
}
