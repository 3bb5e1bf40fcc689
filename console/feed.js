// The stream of events, and what there was before it: kept up whatever becomes of relay, proxy and network.
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
/** More live calls than this are not read at the beginning; their next event brings them in. */
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
    /** What comes while the calls are still being read. @type {LiveEvent[] | null} */
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
    // EventSource would ask again by itself, but not read what it has missed, nor after a refusal.
    source.onerror = () => {
      if (this.#source === source) void this.#ask();
    };
  }

  /** Somebody else has noticed that the relay is not there. */
  suspect() {
    if (this.#source !== null) this.#lost("The relay cannot be reached.");
  }

  /** Lets go of the stream, of which a browser gives all pages of a relay six, until the next start. */
  pause() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.#events.state("connecting", "");
  }

  /** A stream does not tell why it failed. Where it was for want of a session, this question leads to the sign-in. */
  async #ask() {
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
