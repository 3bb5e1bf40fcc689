/**
 * Measures what a scrape of the relay's metrics does to its calls. Every other second begins with a
 * scrape, and the seconds with and without one are compared, so both see the same load and the same
 * disturbances.
 */
import { Agent, get } from "node:http";
import { median } from "../median.js";
import { Histogram } from "./histogram.js";

const SECOND_MS = 1000;
const PATIENCE_MS = 900;

export class Scraper {
  /**
   * Caller → model while the caller talks, in the present second.
   */
  readonly uplink = new Histogram();
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #took = new Histogram();
  /** The 99 % of each second. */
  readonly #withMs: number[] = [];
  readonly #withoutMs: number[] = [];
  #bytes = 0;
  #failures = 0;
  #scraped = false;
  #timer: NodeJS.Timeout | null = null;

  /** @param url  of the relay's `/metrics`. */
  constructor(url: string) {
    this.#url = url;
  }

  start(): void {
    this.uplink.reset();
    this.#timer = setInterval(() => this.#turn(), SECOND_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#agent.destroy();
  }

  #turn(): void {
    if (this.uplink.count > 0)
      (this.#scraped ? this.#withMs : this.#withoutMs).push(this.uplink.quantileMs(0.99));
    this.uplink.reset();
    this.#scraped = !this.#scraped;
    if (this.#scraped) this.#scrape();
  }

  #scrape(): void {
    const askedMs = performance.now();
    const request = get(this.#url, { agent: this.#agent, timeout: PATIENCE_MS }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on("end", () => {
        if (response.statusCode !== 200) this.#failures++;
        this.#took.record(performance.now() - askedMs);
        this.#bytes = bytes;
      });
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", () => {
      this.#failures++;
    });
  }

  figures(): Readonly<Record<string, number | null>> {
    const [withMs, withoutMs] = [median(this.#withMs), median(this.#withoutMs)];
    const known = withMs !== null && withoutMs !== null;
    return {
      scrapes: this.#took.count,
      scrapes_failed: this.#failures,
      scrape_bytes: this.#bytes,
      scrape_p50_ms: round(this.#took.quantileMs(0.5)),
      scrape_max_ms: round(this.#took.maxMs),
      uplink_p99_scraped_ms: known ? round(withMs) : null,
      uplink_p99_unscraped_ms: known ? round(withoutMs) : null,
      scrape_effect_ms: known ? round(withMs - withoutMs) : null,
    };
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
