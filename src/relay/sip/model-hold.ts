import { errorCodeOf } from "../../domain/errors.js";
import type { Timer } from "../../ports/clock.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { CallContext } from "../call/call-path.js";
import { callbackUrl } from "../calls/callback-link.js";
import { MODEL_LABEL } from "./model-legs.js";

export interface ModelHoldParts {
  readonly control: Pick<CallControl, "updateParticipant">;
  /** `https://…` without a final slash. */
  readonly publicUrl: string;
  /** The model cannot be kept out. */
  failed(): void;
  /** The model cannot be brought back. */
  stuck(): void;
}

/** From an answer that the model is not in the conference: it may be on its way there. */
const ABSENT_PAUSE_MS = 500;
const ABSENT_MOST = 10;
/** From the request to bring it back: a caller in silence waits for no more answers. */
const RESTORE_MS = 4_000;
/** From that request to the second try, where the first has not been answered. */
const AGAIN_MS = 2_000;
const TRIES_MOST = 2;
/** Between the tries to undo a hold that was carried out late. */
const UNDO_PAUSE_MS = 1_000;
const UNDO_MOST = 3;

/** The hold of the model's leg: the model neither hears nor is heard. */
export class ModelHold {
  readonly #call: CallContext;
  readonly #parts: ModelHoldParts;
  #isWanted = false;
  /** It was put on hold, or may have been. */
  #isHeld = false;
  #isClosed = false;
  #later: Timer | null = null;
  /** Requests go one after the other: the last one must win. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(call: CallContext, parts: ModelHoldParts) {
    this.#call = call;
    this.#parts = parts;
  }

  begin(): void {
    this.#isWanted = true;
    this.#isHeld = true;
    this.#hold(1);
  }

  /** @param done  the model is heard again, or another one is called in. */
  end(done: () => void): void {
    this.#isWanted = false;
    this.#later?.cancel();
    if (this.#isClosed) return;
    if (this.#isHeld) this.#bringBack(done);
    else done();
  }

  /** The model on hold is gone. One that comes in its place is not on hold. */
  modelGone(): void {
    this.#isHeld = false;
    this.#later?.cancel();
  }

  /** The call is over, and its conference with it. */
  close(): void {
    this.#isClosed = true;
    this.#isWanted = false;
    this.#later?.cancel();
  }

  #hold(tries: number): void {
    this.#later?.cancel();
    if (!this.#isWanted) return;
    const { publicUrl, failed } = this.#parts;
    const link = { kind: "silence", call: this.#call.parties.callSid } as const;
    // Music would be a turn of the caller's to the model.
    const holdUrl = callbackUrl(publicUrl, "/transfer-status", link);
    this.#inTurn({ hold: true, holdUrl }).catch((error: unknown) => {
      this.#log("sip: model not put on hold", error);
      if (!this.#isWanted) return;
      // Another request may have been made meanwhile, and wait for its next try.
      this.#later?.cancel();
      if (errorCodeOf(error) !== "caller_gone") failed();
      else if (tries < ABSENT_MOST)
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
      // Otherwise another supervisor is heard by now, and wants the model on hold.
      if (!this.#isWanted) {
        const wasHeld = this.#isHeld;
        this.#isHeld = false;
        if (how === "stuck" && wasHeld) this.#parts.stuck();
      }
      done();
    };
    const attempt = (request: Promise<void>, isInTurn: boolean): void => {
      tries += 1;
      request.then(
        () => over("back"),
        (error: unknown) => {
          this.#log("sip: model not taken off hold", error);
          refusals += 1;
          // The other try was quicker than the hold itself, which may have been carried out since.
          if (end === "back" && isInTurn) this.#undoLater(1);
          else if (this.#isWanted || errorCodeOf(error) === "caller_gone") over("gone");
          else if (refusals === TRIES_MOST) over("stuck");
          else tryAgain();
        },
      );
    };
    const tryAgain = (): void => {
      if (end !== null || tries === TRIES_MOST || this.#isWanted || this.#isClosed) return;
      // Not behind the first one, which may never be answered.
      attempt(this.#now({ hold: false }), false);
    };
    const again = clock.after(AGAIN_MS, tryAgain);
    const last = clock.after(RESTORE_MS, () => over("stuck"));
    attempt(this.#inTurn({ hold: false }), true);
  }

  #undoLater(tries: number): void {
    // Another supervisor is heard by now, and wants the model on hold.
    if (this.#isWanted || this.#isClosed) return;
    this.#later?.cancel();
    this.#later = this.#call.deps.clock.after(UNDO_PAUSE_MS, () => {
      this.#now({ hold: false }).catch((error: unknown) => {
        this.#log("sip: model not taken off hold", error);
        if (this.#isWanted || this.#isClosed || errorCodeOf(error) === "caller_gone") return;
        if (tries < UNDO_MOST) this.#undoLater(tries + 1);
        else this.#parts.stuck();
      });
    });
  }

  #inTurn(change: Parameters<CallControl["updateParticipant"]>[2]): Promise<void> {
    const request = this.#last.then(() => this.#now(change));
    this.#last = request.catch(() => undefined);
    return request;
  }

  #now(change: Parameters<CallControl["updateParticipant"]>[2]): Promise<void> {
    const conference = conferenceName(this.#call.parties);
    return this.#parts.control.updateParticipant(conference, MODEL_LABEL, change);
  }

  #log(text: string, error: unknown): void {
    const code = errorCodeOf(error);
    if (code !== "caller_gone") this.#call.log.warn(text, { code }, error);
  }
}
