import type { Clock } from "../../../ports/clock.js";
import type { Metrics } from "../../../ports/metrics.js";
import type { UpstreamDialer } from "../../../ports/sockets.js";
import type { ModelSession, ModelSessions, SessionRequest } from "../model-session.js";
import { RealtimeSession } from "./realtime-session.js";

export interface RealtimeSessionsDeps {
  readonly dialer: UpstreamDialer;
  /** The model's socket without query, e.g. wss://api.openai.com/v1/realtime. */
  readonly url: string;
  readonly clock: Pick<Clock, "nowMs">;
  readonly metrics: Metrics;
}

/**
 * Sessions over OpenAI Realtime (GA): a socket of its own for a call, or a sideband to a SIP call.
 */
export class RealtimeSessions implements ModelSessions {
  readonly #deps: RealtimeSessionsDeps;

  constructor(deps: RealtimeSessionsDeps) {
    this.#deps = deps;
  }

  open(request: SessionRequest): ModelSession {
    const { dialer, url, clock, metrics } = this.#deps;
    const { tap } = request;
    return new RealtimeSession(request, {
      dialer: tap?.dialer(dialer) ?? dialer,
      url,
      nowMs: tap === undefined ? () => clock.nowMs() : () => tap.nowMs(),
      metrics,
    });
  }
}
