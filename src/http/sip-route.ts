/**
 * The SIP path's webhooks: Twilio's for numbers whose callers go into a conference, and OpenAI's for calls that ring at the model.
 */
import { createHash } from "node:crypto";
import { DELIVERY_TTL_MS, verifyDelivery } from "../adapters/openai/webhook.js";
import { RelayError } from "../domain/errors.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { SipCallService } from "../relay/calls/call-service.js";
import { readInvite } from "../relay/sip/invite.js";
import { parseSipWebhook } from "../wire/sip-webhook.js";
import type { Exchange } from "./exchange.js";
import { text } from "./reply.js";
import { MAX_BODY_BYTES } from "./webhook-guard.js";

export interface SipRouteParts {
  /** OPENAI_WEBHOOK_SECRET. */
  readonly secret: string;
  readonly desk: Pick<SipCallService, "invited">;
  /** True for the first of all processes that asks for this key. */
  readonly claimOnce: (key: string, ttlMs: number) => Promise<boolean>;
  readonly metrics: Pick<Metrics, "authFailures">;
  readonly log: Log;
}

/**
 * POST /openai/webhook. Answered before the call is: the caller hears ringing meanwhile.
 *
 * The same bytes twice are a replay, and refused. OpenAI repeats a delivery under the same `webhook-id`, signed anew: that is
 * accepted, and nothing is done again.
 */
export function openAiWebhook(parts: SipRouteParts): (exchange: Exchange) => void {
  const { secret, desk, claimOnce, metrics, log } = parts;
  return (exchange) => {
    exchange.readBody(MAX_BODY_BYTES, (body) => {
      handle(exchange, body).catch((error: unknown) => {
        log.error("openai webhook failed", {}, error);
        exchange.answer(text(500, "internal error"));
      });
    });
  };

  async function handle(exchange: Exchange, body: Buffer): Promise<void> {
    const header = (name: string): string => exchange.head.header(name);
    let id: string;
    try {
      ({ id } = verifyDelivery(secret, body, header));
    } catch (error) {
      refuse(exchange, header("webhook-signature") === "" ? "missing" : "invalid", error);
      return;
    }
    const bytes = createHash("sha256").update(header("webhook-signature")).digest("base64url");
    if (!(await claimOnce(`openai:${id}:${bytes}`, DELIVERY_TTL_MS))) {
      refuse(exchange, "replayed", null);
      return;
    }
    const first = await claimOnce(`openai:${id}`, DELIVERY_TTL_MS);
    let event: ReturnType<typeof parseSipWebhook>;
    try {
      event = parseSipWebhook(body);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      log.warn("openai webhook not understood", { code: error.code }, error);
      exchange.answer(text(400, "bad request"));
      return;
    }
    exchange.answer(text(200, "ok"));
    if (first && event.type === "realtime.call.incoming") await desk.invited(readInvite(event));
  }

  function refuse(
    exchange: Exchange,
    reason: "missing" | "invalid" | "replayed",
    error: unknown,
  ): void {
    metrics.authFailures.add(1, "openai", reason);
    log.warn("request refused: openai webhook", { reason }, error ?? undefined);
    exchange.answer(text(400, "bad request"));
  }
}
