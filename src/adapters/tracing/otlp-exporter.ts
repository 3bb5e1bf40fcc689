import { RelayError } from "../../domain/errors.js";
import type { Span } from "../../domain/span.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import { type Agents, requestText } from "../network/http-request.js";
import type { Network } from "../network/network.js";
import { otlpJson, type TraceResource } from "./otlp-json.js";

/** From the first span that waits. */
const FLUSH_MS = 2_000;
const RETRY_MS = 10_000;
const MAX_SPANS_PER_REQUEST = 512;
/** From `stop`: the supervisor ends a process that takes much longer. */
const STOP_MS = 5_000;
/** About 4 MB. Beyond it the newest spans are dropped: a collector that is away costs no call. */
const MAX_WAITING = 8_192;
const MAX_ANSWER_BYTES = 64 * 1024;
/** The collector may take the same spans later. Source: OTLP, "Failures". */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface OtlpExporterOptions {
  /** `https://…/v1/traces`. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: TraceResource;
  /** From a request to its answer. */
  readonly timeoutMs: number;
  readonly network: Network;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
}

/** Sends spans to a collector, many at a time: OTLP over HTTP in JSON. Nothing waits for it. */
export class OtlpExporter {
  readonly #options: OtlpExporterOptions;
  readonly #agents: Agents;
  #waiting: Span[] = [];
  #timer: Timer | null = null;
  #sending: Promise<void> | null = null;
  #isAway = false;
  #isStopped = false;
  #dropped = 0;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
    this.#agents = options.network.agents({ keepAlive: true });
  }

  add(span: Span): void {
    if (this.#waiting.length >= MAX_WAITING) this.#dropped++;
    else this.#waiting.push(span);
    this.#flushAfter(FLUSH_MS);
  }

  /** Sends what waits, once. What the collector has not taken after STOP_MS is given up. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#lastFlush();
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #lastFlush(): Promise<void> {
    const flushed = (this.#sending ?? Promise.resolve()).then(() => this.#flush());
    await new Promise<void>((resolve) => {
      const late = this.#options.clock.after(STOP_MS, resolve);
      void flushed.then(() => {
        late.cancel();
        resolve();
      });
    });
  }

  #flushAfter(ms: number): void {
    if (this.#isStopped || this.#timer !== null || this.#sending !== null) return;
    this.#timer = this.#options.clock.after(ms, () => {
      this.#timer = null;
      this.#sending = this.#flush().finally(() => {
        this.#sending = null;
        if (this.#waiting.length > 0) this.#flushAfter(this.#isAway ? RETRY_MS : FLUSH_MS);
      });
    });
  }

  async #flush(): Promise<void> {
    const { log } = this.#options;
    while (this.#waiting.length > 0 && !this.#isStopped) {
      const batch = this.#waiting.slice(0, MAX_SPANS_PER_REQUEST);
      try {
        await this.#send(batch);
        this.#waiting.splice(0, batch.length);
        if (this.#isAway) log.info("tracing: collector is back", { dropped: this.#dropped });
        this.#isAway = false;
      } catch (error) {
        if (!this.#isAway) log.warn("tracing: spans not delivered", {}, error);
        this.#isAway = true;
        if (error instanceof RelayError && !error.retryable) this.#waiting.splice(0, batch.length);
        return;
      }
    }
  }

  async #send(spans: readonly Span[]): Promise<void> {
    const { url, headers, resource, timeoutMs } = this.#options;
    const { status } = await requestText(
      {
        method: "POST",
        url,
        headers: { "content-type": "application/json", ...headers },
        body: otlpJson(spans, resource),
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
      },
      this.#agents,
    );
    if (status >= 200 && status < 300) return;
    throw new RelayError("internal", `the collector answered HTTP ${status}`, {
      retryable: RETRYABLE.has(status),
    });
  }
}
