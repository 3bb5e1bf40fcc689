import { errorCodeOf } from "../domain/errors.js";
import type { Clock, Timer } from "../ports/clock.js";

/**
 * Documents that name the CRM's case wait so long for its answer, from the moment at which they are
 * wanted.
 */
const CASE_WAIT_MS = 700;

export interface EscalationEvents {
  escalated(caseReference: string | null): void;
  failed(code: string, error: unknown): void;
}

/** Tells the CRM of a transfer, once, and holds up those documents that name its case, briefly. */
export class Escalation {
  readonly #clock: Pick<Clock, "after">;
  #running: Promise<void> | null;
  #timer: Timer | null = null;
  #caseReference: string | null = null;

  /** @param escalate  resolves with the CRM's name for the case. Null: there is no CRM. */
  constructor(
    escalate: (() => Promise<string | null>) | null,
    clock: Pick<Clock, "after">,
    events: EscalationEvents,
  ) {
    this.#clock = clock;
    this.#running =
      escalate === null
        ? null
        : // An async arrow, so that a throw counts as a rejection.
          (async () => escalate())().then(
            (caseReference) => {
              this.#running = null;
              this.#caseReference = caseReference;
              events.escalated(caseReference);
            },
            (error: unknown) => {
              this.#running = null;
              events.failed(errorCodeOf(error), error);
            },
          );
  }

  /** What the CRM calls the case; null: it has not said, or has no name for it. */
  get caseReference(): string | null {
    return this.#caseReference;
  }

  /** Runs at once when the CRM has answered; otherwise with its answer, or after CASE_WAIT_MS. */
  whenTold(run: () => void): void {
    if (this.#running === null) {
      run();
      return;
    }
    let ran = false;
    const once = (): void => {
      if (ran) return;
      ran = true;
      this.#timer?.cancel();
      run();
    };
    this.#timer?.cancel();
    this.#timer = this.#clock.after(CASE_WAIT_MS, once);
    void this.#running.then(once);
  }

  /** Nothing waits any more. */
  close(): void {
    this.#timer?.cancel();
  }
}
