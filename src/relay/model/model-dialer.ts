import { stallAwareDeadline } from "../../domain/stall.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Metrics } from "../../ports/metrics.js";
import type {
  HistoryItem,
  ModelSession,
  ModelSessionLifecycle,
  SessionFailure,
} from "./model-session.js";

export interface ModelDialerHost {
  /** Opens a socket and begins to configure; the session reports to `life`. */
  openSession(history: readonly HistoryItem[], life: ModelSessionLifecycle): ModelSession;
  sessionReady(session: ModelSession): void;
  /** Neither the dial nor its one retry led to a session. */
  sessionUnavailable(failure: SessionFailure): void;
  /** A session that was ready is over. */
  sessionLost(failure: SessionFailure): void;
}

/** Between a dial that failed at once and its retry: long enough for a blip, short enough not to be noticed. */
const RETRY_MS = 150;

/**
 * The model's side of one call: at most one session at a time. A dial that does not lead to a configured session in
 * time is given up, and tried once more within twice that time. A session that is lost later is the call's decision.
 */
export class ModelDialer {
  readonly #host: ModelDialerHost;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #timeoutMs: number;
  #session: ModelSession | null = null;
  #ready = false;
  #timer: Timer | null = null;
  #dials = 0;

  constructor(host: ModelDialerHost, deps: { clock: Clock; metrics: Metrics; timeoutMs: number }) {
    this.#host = host;
    this.#clock = deps.clock;
    this.#metrics = deps.metrics;
    this.#timeoutMs = deps.timeoutMs;
  }

  /** The session, once it is ready. */
  get session(): ModelSession | null {
    return this.#ready ? this.#session : null;
  }

  /** Dials, unless a session is there or on its way. */
  open(history: readonly HistoryItem[]): void {
    if (this.#session !== null || this.#timer !== null) return;
    this.#dials = 0;
    this.#dial(history, this.#clock.nowMs() + 2 * this.#timeoutMs);
  }

  /** @param deadlineMs  by when there has to be a session, the retry included. */
  #dial(history: readonly HistoryItem[], deadlineMs: number): void {
    let lastMs = deadlineMs;
    const dialledMs = this.#clock.nowMs();
    const dial = ++this.#dials;
    let over = false;
    const fail = (failure: SessionFailure): void => {
      if (over) return;
      over = true;
      this.#timer?.cancel();
      this.#timer = null;
      this.#session?.close();
      this.#session = null;
      this.#metrics.upstreamErrors.add(1, failure.code);
      const leftMs = lastMs - this.#clock.nowMs();
      if (!failure.retryable || dial >= 2 || leftMs <= RETRY_MS) {
        this.#host.sessionUnavailable(failure);
        return;
      }
      this.#timer = this.#clock.after(RETRY_MS, () => {
        this.#timer = null;
        this.#dial(history, lastMs);
      });
    };
    const life: ModelSessionLifecycle = {
      ready: () => {
        if (over || this.#session === null) return;
        this.#timer?.cancel();
        this.#timer = null;
        this.#ready = true;
        this.#metrics.upstreamConnect.observe((this.#clock.nowMs() - dialledMs) / 1000);
        this.#host.sessionReady(this.#session);
      },
      lost: (failure) => {
        if (!this.#ready || over) return fail(failure);
        over = true;
        this.#session = null;
        this.#ready = false;
        this.#metrics.upstreamErrors.add(1, failure.code);
        this.#host.sessionLost(failure);
      },
    };
    const patienceMs = Math.min(this.#timeoutMs, Math.max(0, lastMs - dialledMs));
    this.#timer = stallAwareDeadline(this.#clock, patienceMs, (putOffMs) => {
      this.#timer = null;
      lastMs += putOffMs;
      fail({
        code: "upstream_timeout",
        retryable: true,
        detail: `no session within ${this.#timeoutMs} ms`,
      });
    });
    this.#session = this.#host.openSession(history, life);
  }

  /** Idempotent; nothing is reported after it, until the next `open`. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#ready = false;
    const session = this.#session;
    this.#session = null;
    session?.close();
  }
}
