/** Callbacks that Twilio sends without waiting for them: repeated and re-ordered as faults say. */
import type { SimClock } from "../clock.js";
import type { CallLeg } from "./call-leg.js";
import type { TwilioFaults } from "./faults.js";
import type { Form, Method, Web } from "./web.js";

export interface CallbackRecord {
  readonly atMs: number;
  readonly callSid: string | null;
  readonly what: string;
  readonly url: string;
  readonly form: Form;
  status: number;
}

/** A callback that is held back is sent after this, if no other comes to overtake it. */
const HELD_MS = 200;

export class StatusCallbacks {
  readonly sent: CallbackRecord[] = [];
  readonly #clock: SimClock;
  readonly #web: Web;
  readonly #faults: TwilioFaults;
  readonly #violation: (text: string) => void;
  #held: (() => void) | null = null;

  constructor(clock: SimClock, web: Web, faults: TwilioFaults, violation: (text: string) => void) {
    this.#clock = clock;
    this.#web = web;
    this.#faults = faults;
    this.#violation = violation;
  }

  send(leg: CallLeg | null, url: string, form: Form, what: string, method?: Method): void {
    const callSid = leg?.sid ?? null;
    const record = { atMs: this.#clock.nowMs(), callSid, what, url, form, status: 0 };
    this.sent.push(record);
    const send = () => {
      void this.#deliver(record, leg, method);
      if (this.#faults.duplicateCallbacks) void this.#deliver(record, leg, method);
    };
    if (!this.#faults.reorderCallbacks) {
      send();
      return;
    }
    const earlier = this.#held;
    if (earlier !== null) {
      this.#held = null;
      send();
      earlier();
      return;
    }
    this.#held = send;
    this.#clock.after(HELD_MS, () => {
      if (this.#held !== send) return;
      this.#held = null;
      send();
    });
  }

  async #deliver(record: CallbackRecord, leg: CallLeg | null, method?: Method): Promise<void> {
    const { url, form, what } = record;
    const reply = await this.#web.send({ url, form, method });
    record.status = reply.status;
    const path = url.replace(/^[a-z]+:\/\/[^/]*/i, "");
    leg?.events.add("status_callback", { what, path, status: reply.status });
    // A relay that is gone has made no mistake.
    if (reply.error !== null || (reply.status >= 200 && reply.status <= 299)) return;
    const text = `callback ${what} to ${path} was answered ${reply.status}`;
    if (leg === null) this.#violation(text);
    else leg.violation(text);
  }
}
