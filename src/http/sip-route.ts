/** OpenAI's webhook: calls that have reached the model by SIP. */
import { DELIVERY_TTL_MS, deliveryFault, verifyDelivery } from "../adapters/openai/webhook.js";
import { RelayError } from "../domain/errors.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { SipCallService } from "../relay/calls/call-service.js";
import { readInvite } from "../relay/sip/invite.js";
import { parseSipWebhook } from "../wire/sip-webhook.js";
import { BodyBudget } from "./body-budget.js";
import type { Exchange } from "./exchange.js";
import type { RefusalLog } from "./refusal-log.js";
import { text } from "./reply.js";
import { MAX_BODY_BYTES } from "./webhook-guard.js";

export interface SipRouteParts {
  /** OPENAI_WEBHOOK_SECRET. */
  readonly secret: string;
  readonly calls: Pick<SipCallService, "invited">;
  /** True for the first process of all that asks for this key within the time. */
  readonly claimOnce: (key: string, ttlMs: number) => Promise<boolean>;
  readonly metrics: Pick<Metrics, "authFailures">;
  readonly clock: Pick<Clock, "epochMs">;
  readonly refusals: RefusalLog;
  readonly log: Log;
}

/**
 * POST /openai/webhook. It is answered before the call is: the caller hears ringing meanwhile.
 *
 * OpenAI repeats a delivery under the same `webhook-id` until it is answered 200, sometimes after
 * it was. A repetition is answered 200 and does nothing, and so is a replay by a stranger.
 */
export function openAiWebhook(parts: SipRouteParts): (exchange: Exchange) => void {
  const { secret, calls, claimOnce, metrics, clock, refusals, log } = parts;
  const budget = new BodyBudget();
  return (exchange) => {
    const { header } = exchange.head;
    if (exchange.declaredBytes !== null && exchange.declaredBytes > MAX_BODY_BYTES) {
      const tooLarge = `the body is larger than ${MAX_BODY_BYTES} bytes`;
      exchange.answer(text(413, tooLarge, { close: true }));
      return;
    }
    const fault = deliveryFault(header, clock.epochMs());
    if (fault !== null) {
      refuse(exchange, header("webhook-signature") === "" ? "missing" : "invalid", fault);
      return;
    }
    exchange.readBody({ maxBytes: MAX_BODY_BYTES, budget }, (body) => {
      handle(exchange, body).catch((error: unknown) => {
        log.error("http: openai webhook failed", {}, error);
        exchange.answer(text(500, "internal error"));
      });
    });
  };

  async function handle(exchange: Exchange, body: Buffer): Promise<void> {
    let id: string;
    try {
      ({ id } = verifyDelivery(secret, body, exchange.head.header));
    } catch (error) {
      const fault = error instanceof RelayError ? error.message : "internal";
      refuse(exchange, "invalid", fault);
      return;
    }
    let event: ReturnType<typeof parseSipWebhook>;
    try {
      event = parseSipWebhook(body);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      log.warn("http: openai webhook not understood", { code: error.code }, error);
      exchange.answer(text(400, "bad request"));
      return;
    }
    const isFirst = await claimOnce(`openai:${id}`, DELIVERY_TTL_MS);
    exchange.answer(text(200, "ok"));
    if (event.type !== "realtime.call.incoming") return;
    if (!isFirst) log.info("http: openai webhook repeated, ignored");
    else await calls.invited(readInvite(event));
  }

  function refuse(exchange: Exchange, reason: "missing" | "invalid", fault: string): void {
    metrics.authFailures.add(1, "openai", reason);
    refusals.refused("http: openai webhook refused", exchange.head.address, () => ({
      reason,
      fault,
    }));
    exchange.answer(text(400, "bad request", { close: true }));
  }
}
