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
  /** Opens a session, which reports to `lifecycle`. */
  openSession(history: readonly HistoryItem[], lifecycle: ModelSessionLifecycle): ModelSession;
  sessionReady(session: ModelSession): void;
  /** Neither the dial nor its one retry led to a session that is ready. */
  sessionUnavailable(failure: SessionFailure): void;
  /** A session that was ready has ended. */
  sessionLost(failure: SessionFailure): void;
}

/**
 * From a failed dial to its retry: longer than a network blip, too short for a caller to notice.
 */
const RETRY_MS = 150;

/**
 * The model's side of one call: it holds at most one session. A dial that does not lead to a
 * configured session within `timeoutMs` is given up and tried once more, within twice that time.
 * The call decides what the loss of a ready session means.
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

  /** Dials, unless there is a session or one is being dialled. */
  open(history: readonly HistoryItem[]): void {
    if (this.#session !== null || this.#timer !== null) return;
    this.#dials = 0;
    this.#dial(history, this.#clock.nowMs() + 2 * this.#timeoutMs);
  }

  /** @param deadlineMs  the latest time for a session to be ready, the retry included. */
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
    const lifecycle: ModelSessionLifecycle = {
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
    const timeoutMs = Math.min(this.#timeoutMs, Math.max(0, lastMs - dialledMs));
    this.#timer = stallAwareDeadline(this.#clock, timeoutMs, (putOffMs) => {
      this.#timer = null;
      lastMs += putOffMs;
      fail({
        code: "upstream_timeout",
        retryable: true,
        detail: `no session within ${this.#timeoutMs} ms`,
      });
    });
    this.#session = this.#host.openSession(history, lifecycle);
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
