import { errorCodeOf } from "../../domain/errors.js";
import type { Timer } from "../../ports/clock.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { CallContext } from "../call/call-path.js";
import { callbackUrl } from "../calls/callback-link.js";
import { warnUnlessGone } from "./failed-request.js";
import { HoldCheck } from "./hold-check.js";
import { MODEL_LABEL } from "./model-legs.js";

export interface ModelHoldParts {
  readonly control: Pick<CallControl, "isOnHold" | "updateParticipant">;
  /** `https://…` without a final slash. */
  readonly publicUrl: string;
  /** The model cannot be kept out. */
  failed(): void;
  /** The model cannot be brought back. */
  stuck(): void;
}

/** From an answer that the model is not in the conference to the next try: it may be joining. */
const ABSENT_PAUSE_MS = 500;
const MAX_ABSENT_TRIES = 10;
/** From the request to bring the model back: then another one is dialled, for the caller's sake. */
const RESTORE_MS = 4_000;
/** From that request to the second try, if the first has not been answered. */
const AGAIN_MS = 2_000;
const MAX_TRIES = 2;
/** Between the tries to undo a hold that was carried out late, or whose end had no effect. */
const UNDO_PAUSE_MS = 1_000;
const MAX_UNDO_TRIES = 3;

/** Puts the model's leg on hold during a take-over: the model neither hears nor is heard. */
export class ModelHold {
  readonly #call: CallContext;
  readonly #parts: ModelHoldParts;
  #isWanted = false;
  /** The model is on hold, or may be. */
  #isHeld = false;
  #isClosed = false;
  readonly #check: HoldCheck;
  #later: Timer | null = null;
  /** Requests are sent one after the other, because the last one must win. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(call: CallContext, parts: ModelHoldParts) {
    this.#call = call;
    this.#parts = parts;
    this.#check = new HoldCheck(call, parts.control, MODEL_LABEL);
  }

  begin(): void {
    this.#check.cancel();
    this.#isWanted = true;
    this.#isHeld = true;
    this.#hold(1);
  }

  /** @param done  called once the model is heard again, or another one is dialled. */
  end(done: () => void): void {
    this.#isWanted = false;
    this.#later?.cancel();
    if (this.#isClosed) return;
    if (this.#isHeld) this.#bringBack(done);
    else done();
  }

  /** The model is gone. A model that comes in its place is not on hold. */
  modelGone(): void {
    this.#isHeld = false;
    this.#later?.cancel();
    this.#check.cancel();
  }

  /** The call is over, and its conference with it. */
  close(): void {
    this.#isClosed = true;
    this.#isWanted = false;
    this.#later?.cancel();
    this.#check.cancel();
  }

  #hold(tries: number): void {
    this.#later?.cancel();
    if (!this.#isWanted) return;
    const { publicUrl, failed } = this.#parts;
    const link = { kind: "silence", call: this.#call.parties.callSid } as const;
    // Silence, because the model would take hold music for a turn of the caller.
    const holdUrl = callbackUrl(publicUrl, "/transfer-status", link);
    this.#inTurn({ hold: true, holdUrl }).catch((error: unknown) => {
      warnUnlessGone(this.#call.log, "sip: model not put on hold", error);
      if (!this.#isWanted) return;
      // A newer request may be waiting for its next try.
      this.#later?.cancel();
      if (errorCodeOf(error) !== "caller_gone") failed();
      else if (tries < MAX_ABSENT_TRIES)
        this.#later = this.#call.deps.clock.after(ABSENT_PAUSE_MS, () => this.#hold(tries + 1));
    });
  }

  #bringBack(done: () => void): void {
    const { clock } = this.#call.deps;
    let tries = 0;
    let refusals = 0;
    let end: "back" | "gone" | "stuck" | null = null;
    const over = (how: "back" | "gone" | "stuck"): void => {
      if (end !== null) return;
      end = how;
      again.cancel();
      last.cancel();
      if (this.#isClosed) return;
      // If it is wanted, another supervisor has taken over and needs the model on hold.
      if (!this.#isWanted) {
        const wasHeld = this.#isHeld;
        this.#isHeld = false;
        if (how === "stuck" && wasHeld) this.#parts.stuck();
        // Twilio has agreed to it.
        if (how === "back") this.#check.begin(() => this.#undoLater(1));
      }
      done();
    };
    const attempt = (request: Promise<void>, isInTurn: boolean): void => {
      tries += 1;
      request.then(
        () => over("back"),
        (error: unknown) => {
          warnUnlessGone(this.#call.log, "sip: model not taken off hold", error);
          refusals += 1;
          // The other try succeeded before the hold itself, which may have been carried out since.
          if (end === "back" && isInTurn) this.#undoLater(1);
          else if (this.#isWanted || errorCodeOf(error) === "caller_gone") over("gone");
          else if (refusals === MAX_TRIES) over("stuck");
          else tryAgain();
        },
      );
    };
    const tryAgain = (): void => {
      if (end !== null || tries === MAX_TRIES || this.#isWanted || this.#isClosed) return;
      // Does not wait for the first try, which may never be answered.
      attempt(this.#now({ hold: false }), false);
    };
    const again = clock.after(AGAIN_MS, tryAgain);
    const last = clock.after(RESTORE_MS, () => over("stuck"));
    attempt(this.#inTurn({ hold: false }), true);
  }

  #undoLater(tries: number): void {
    // If it is wanted, another supervisor has taken over and needs the model on hold.
    if (this.#isWanted || this.#isClosed) return;
    this.#later?.cancel();
    this.#later = this.#call.deps.clock.after(UNDO_PAUSE_MS, () => {
      const next = (): void => {
        if (this.#isWanted || this.#isClosed) return;
        if (tries < MAX_UNDO_TRIES) this.#undoLater(tries + 1);
        else this.#parts.stuck();
      };
      this.#now({ hold: false }).then(
        () => {
          if (!this.#isWanted && !this.#isClosed) this.#check.begin(next);
        },
        (error: unknown) => {
          warnUnlessGone(this.#call.log, "sip: model not taken off hold", error);
          if (errorCodeOf(error) !== "caller_gone") next();
        },
      );
    });
  }

  #inTurn(change: Parameters<CallControl["updateParticipant"]>[2]): Promise<void> {
    const request = this.#last.then(() => this.#now(change));
    // The next one starts even when this one fails. The failure reaches the caller of this one.
    this.#last = request.catch(() => undefined);
    return request;
  }

  #now(change: Parameters<CallControl["updateParticipant"]>[2]): Promise<void> {
    const conference = conferenceName(this.#call.parties);
    return this.#parts.control.updateParticipant(conference, MODEL_LABEL, change);
  }
}
