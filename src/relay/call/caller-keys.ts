import type { AgentProfile } from "../../domain/agent-profile.js";
import type { Clock } from "../../ports/clock.js";
import type { CallEventLog } from "./call-event-log.js";
import type { Disposition } from "./call-events.js";
import { DtmfCollector } from "./dtmf-collector.js";
import type { LimitWatch } from "./limit-watch.js";
import * as prompts from "./prompts.js";
import type { OwedCause } from "./reply-ledger.js";

export interface CallerKeysHost {
  readonly agent: AgentProfile;
  readonly eventLog: CallEventLog;
  leave(disposition: Disposition): void;
  tellModel(fact: string, cause: OwedCause): void;
}

/** The keys of a telephone. Anything else is ignored. */
const KEY = /^[0-9*#A-D]$/;

/** Handles the caller's keys: the transfer key leads to a human, other digits go to the model. */
export class CallerKeys {
  readonly #host: CallerKeysHost;
  readonly #limits: LimitWatch;
  readonly #clock: Clock;
  readonly #collector: DtmfCollector;

  constructor(host: CallerKeysHost, limits: LimitWatch, clock: Clock) {
    this.#host = host;
    this.#limits = limits;
    this.#clock = clock;
    this.#collector = new DtmfCollector(clock, (digits) => this.#typed(digits));
  }

  pressed(digit: string): void {
    if (!KEY.test(digit)) return;
    this.#limits.callerActive(this.#clock.nowMs());
    const { key, default: destination } = this.#host.agent.transfer;
    // After other digits, the transfer key is a part of the number that is being typed.
    if (digit !== key || destination === null || this.#collector.isCollecting) {
      this.#collector.pressed(digit);
      return;
    }
    this.#host.eventLog.note("key", { key: digit });
    this.#host.leave({
      kind: "transfer",
      farewell: "none",
      request: { destination, reason: "key", summary: null, urgency: null, by: "key" },
    });
  }

  /** Drops digits that wait for more. */
  forget(): void {
    this.#collector.forget();
  }

  /** The model is told what was typed once the caller has stopped typing. */
  #typed(digits: string): void {
    this.#host.tellModel(prompts.callerTyped(digits), "keys");
  }
}
