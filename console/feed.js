// Keeps the event stream connected: after each (re)connection it first reads the live calls.
import { ApiError, address, readCalls, readDirectory } from "./api.js";

/**
 * @typedef {import("./live-calls.js").LiveEvent} LiveEvent
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {"connecting" | "live" | "lost"} FeedState
 * @typedef {{ state(state: FeedState, why: string): void, reset(records: CallRecord[]): void,
 *   event(event: LiveEvent): void }} FeedEvents
 */

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8_000;
const PAGE = 500;
/** At most this many pages of live calls are read at first. Further calls appear with their next event. */
const MAX_PAGES = 6;

export class Feed {
  /** @type {FeedEvents} */
  #events;
  /** @type {EventSource | null} */
  #source = null;
  #retryMs = FIRST_RETRY_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {FeedEvents} events */
  constructor(events) {
    this.#events = events;
  }

  start() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#events.state("connecting", "");
    const source = new EventSource(address("api/events"));
    this.#source = source;
    /** Events that arrive while the calls are still being read. @type {LiveEvent[] | null} */
    let waiting = [];
    source.onmessage = ({ data }) => {
      const event = /** @type {LiveEvent} */ (JSON.parse(data));
      if (waiting === null) this.#events.event(event);
      else waiting.push(event);
    };
    source.onopen = async () => {
      try {
        const records = await readLive();
        if (this.#source !== source) return;
        this.#events.reset(records);
        for (const event of waiting ?? []) this.#events.event(event);
        waiting = null;
        this.#retryMs = FIRST_RETRY_MS;
        this.#events.state("live", "");
      } catch (error) {
        if (this.#source !== source) return;
        this.#lost(error instanceof ApiError ? error.message : String(error));
      }
    };
    // EventSource retries by itself, but it does not read what it has missed, and it gives up after a refusal.
    source.onerror = () => {
      if (this.#source === source) void this.#probe();
    };
  }

  /** Another request found that the relay does not answer. */
  suspect() {
    if (this.#source !== null) this.#lost("The relay cannot be reached.");
  }

  /** Closes the stream until the next start: a browser allows six connections to a relay over all its pages. */
  pause() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.#events.state("connecting", "");
  }

  /** A stream does not say why it failed. If the session has ended, this request leads to the sign-in page. */
  async #probe() {
    this.#lost("The relay cannot be reached.");
    try {
      await readDirectory();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (this.#source === null) this.#events.state("lost", error.message);
    }
  }

  /** @param {string} why */
  #lost(why) {
    this.#source?.close();
    this.#source = null;
    this.#events.state("lost", why);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), this.#retryMs * (0.75 + Math.random() / 2));
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }
}

/** @returns {Promise<CallRecord[]>} */
async function readLive() {
  /** @type {CallRecord[]} */
  const records = [];
  let before = "";
  for (let page = 0; page < MAX_PAGES; page++) {
    const { calls, next } = await readCalls({
      state: "live",
      limit: String(PAGE),
      ...(before === "" ? {} : { before }),
    });
    records.push(...calls);
    if (next === null) break;
    before = next;
  }
  return records;
}
