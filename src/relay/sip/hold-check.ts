import { listedPauses } from "../../domain/backoff.js";
import { errorCodeOf } from "../../domain/errors.js";
import type { Timer } from "../../ports/clock.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { CallContext } from "../call/call-path.js";

/** How long after Twilio has agreed to take a participant off hold it is asked whether it did. */
const CHECK_MS = 1_500;
/** Before each further request, when one has failed. */
const PAUSES = listedPauses([1_000, 4_000]);

/**
 * Checks whether a participant is still on hold after Twilio has agreed to take them off. Twilio
 * may answer 200 and do nothing, or carry out an earlier request last.
 */
export class HoldCheck {
  readonly #call: CallContext;
  readonly #control: Pick<CallControl, "isOnHold">;
  /** CallSid or label. */
  readonly #participant: string;
  #timer: Timer | null = null;
  /** The number of the current check; answers that belong to an earlier one are ignored. */
  #check = 0;

  constructor(call: CallContext, control: Pick<CallControl, "isOnHold">, participant: string) {
    this.#call = call;
    this.#control = control;
    this.#participant = participant;
  }

  /** @param stillHeld  called at most once, and never after `cancel` or another `begin`. */
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
          // Twilio had agreed, so the participant is probably off hold.
          if (nextMs === null) log.warn("sip: hold state unknown", { code }, error);
          else this.#askAfter(nextMs, failures + 1, stillHeld);
        },
      );
    });
  }
}
