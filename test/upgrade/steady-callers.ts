import { setTimeout as sleep } from "node:timers/promises";
import type { Leg } from "../../sim/twilio/leg.js";
import type { SimulatedTwilio } from "../../sim/twilio.js";

/** Between the first calls of two callers. */
const RAMP_MS = 100;
/** A call lasts this long after its caller has heard the first sound. */
const MIN_CALL_MS = 6_000;
const MAX_CALL_MS = 12_000;
const FIRST_SOUND_MS = 20_000;

/** A caller who got something else than one undisturbed talk with the agent. */
export interface Fault {
  readonly kind: "refused" | "dropped";
  readonly callSid: string;
  /** What happened, in one line. */
  readonly events: string;
}

/** Keeps a number of calls up: when one ends, the next begins. */
export class SteadyCallers {
  /** Of every call that was placed. */
  readonly callSids: string[] = [];
  readonly faults: Fault[] = [];
  readonly #twilio: SimulatedTwilio;
  readonly #callers: Promise<void>[];
  #going = true;
  #talking = 0;

  constructor(twilio: SimulatedTwilio, count: number) {
    this.#twilio = twilio;
    this.#callers = Array.from({ length: count }, (_, i) => this.#callAgainAndAgain(i));
  }

  /** Calls in which the agent talks or listens at this moment. */
  get talking(): number {
    return this.#talking;
  }

  /** Resolves once each caller has had the time to begin. */
  async allTalk(): Promise<void> {
    await sleep(this.#callers.length * RAMP_MS + MIN_CALL_MS);
  }

  /** What happened in a call, in one line. */
  eventsOf(callSid: string): string {
    const events = this.#twilio.leg(callSid)?.events.entries ?? [];
    return events
      .map(({ atMs, kind, detail }) => {
        const told = ["url", "status", "code", "by", "verbs", "what", "from"]
          .filter((name) => detail[name] !== undefined)
          .map((name) => ` ${detail[name]}`);
        return `${(atMs / 1000).toFixed(2)} ${kind}${told.join("")}`;
      })
      .join(", ");
  }

  /** Resolves once the last call has ended. */
  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#callers);
  }

  async #callAgainAndAgain(caller: number): Promise<void> {
    await sleep(caller * RAMP_MS);
    while (this.#going) await this.#call();
  }

  async #call(): Promise<void> {
    const call = this.#twilio.placeCall();
    this.callSids.push(call.sid);
    const kind = await this.#talk(call);
    if (kind !== null)
      this.faults.push({ kind, callSid: call.sid, events: this.eventsOf(call.sid) });
    call.hangUp();
    await call.ended;
  }

  async #talk(call: Leg): Promise<Fault["kind"] | null> {
    const heard = await Promise.race([
      call.events.until("first_media", {}, FIRST_SOUND_MS).then(
        () => true,
        () => false,
      ),
      call.ended.then(() => false),
    ]);
    if (!heard || call.streams.length !== 1) return "refused";
    this.#talking += 1;
    const ms = MIN_CALL_MS + Math.random() * (MAX_CALL_MS - MIN_CALL_MS);
    await Promise.race([sleep(ms), call.ended]);
    this.#talking -= 1;
    const undisturbed = call.streams.length === 1 && call.streams[0]!.open;
    return undisturbed && call.events.find("dial") === undefined ? null : "dropped";
  }
}
