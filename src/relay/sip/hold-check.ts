import { listedPauses } from "../../domain/backoff.js";
import { errorCodeOf } from "../../domain/errors.js";
import type { Timer } from "../../ports/clock.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { CallContext } from "../call/call-path.js";

/** From Twilio's answer that a participant is off hold to the question whether that is so. */
const CHECK_MS = 1_500;
/** Between the questions that get no answer. */
const PAUSES = listedPauses([1_000, 4_000]);

/**
 * Finds out whether a participant whom Twilio has agreed to take off hold still is on hold. Twilio
 * may answer 200 and do nothing, or carry out an earlier request last.
 */
export class HoldCheck {
  readonly #call: CallContext;
  readonly #control: Pick<CallControl, "isOnHold">;
  /** CallSid or label. */
  readonly #participant: string;
  #timer: Timer | null = null;
  /** Answers to questions of an earlier check are not heard. */
  #check = 0;

  constructor(call: CallContext, control: Pick<CallControl, "isOnHold">, participant: string) {
    this.#call = call;
    this.#control = control;
    this.#participant = participant;
  }

  /** @param stillHeld  called at most once, unless another check begins before, or `cancel`. */
  begin(stillHeld: () => void): void {
    this.cancel();
    this.#askAfter(CHECK_MS, 0, stillHeld);
  }

  cancel(): void {
    this.#check++;
    this.#timer?.cancel();
  }

  #askAfter(pauseMs: number, failures: number, stillHeld: () => void): void {
    const check = this.#check;
    const { parties, deps, log } = this.#call;
    this.#timer = deps.clock.after(pauseMs, () => {
      this.#control.isOnHold(conferenceName(parties), this.#participant).then(
        (isOnHold) => {
          if (check !== this.#check || !isOnHold) return;
          log.warn("sip: still on hold", { participant: this.#participant });
          stillHeld();
        },
        (error: unknown) => {
          const code = errorCodeOf(error);
          if (check !== this.#check || code === "caller_gone") return;
          const nextMs = PAUSES(failures + 1);
          // Twilio has agreed, and nothing says otherwise.
          if (nextMs === null) log.warn("sip: not known who is on hold", { code }, error);
          else this.#askAfter(nextMs, failures + 1, stillHeld);
        },
      );
    });
  }
}
