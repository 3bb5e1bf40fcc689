import { errorCodeOf } from "../../domain/errors.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { CallContext } from "../call/call-path.js";
import { callbackUrl } from "../calls/callback-link.js";
import { MODEL_LABEL } from "./model-legs.js";
import { SupervisorLine, type SupervisorLineParts } from "./supervisor-line.js";

export interface SipTakeoverParts
  extends Pick<SupervisorLineParts, "appSid" | "publicUrl" | "mediaUrl" | "tokens"> {
  readonly control: Pick<CallControl, "createParticipant" | "hangUp" | "updateParticipant">;
  /** The supervisor is heard from now on, and the model no longer. */
  heard(): void;
  /** The supervisor cannot be heard, or the model cannot be kept out. */
  failed(): void;
  /** The model cannot be brought back. */
  modelStuck(): void;
}

/** From the hand-back: a caller who hears nobody waits for no more answers of Twilio's. */
const RESTORE_MS = 4_000;
/** From the hand-back to the second try, where the first has not been answered. */
const AGAIN_MS = 2_000;
const TRIES_MOST = 2;

/**
 * A take-over on the SIP path: the supervisor joins the conference, and once they are heard there,
 * the model's leg is put on hold, so that it neither hears nor is heard. Not earlier: the caller
 * would have nobody, for as long as Twilio takes, or for ever if this process died meanwhile.
 */
export class SipTakeover {
  readonly line: SupervisorLine;
  readonly #call: CallContext;
  readonly #parts: SipTakeoverParts;
  #isHeard = false;
  /** The model was put on hold, or may have been. */
  #isHeld = false;
  #isClosed = false;
  /** Requests about the model's hold go one after the other: the last one must win. */
  #holding: Promise<unknown> = Promise.resolve();

  constructor(call: CallContext, parts: SipTakeoverParts) {
    this.#call = call;
    this.#parts = parts;
    const { callSid, to: number } = call.parties;
    const { control, tokens, appSid, publicUrl, mediaUrl } = parts;
    this.line = new SupervisorLine({
      ...{ callSid, number, control, tokens, appSid, publicUrl, mediaUrl },
      clock: call.deps.clock,
      log: call.log,
      connected: () => this.#connected(),
      failed: () => parts.failed(),
    });
  }

  /** The supervisor is heard in place of the model. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  begin(): void {
    this.line.open();
  }

  #connected(): void {
    this.#isHeard = true;
    this.#parts.heard();
    this.#holdModel();
  }

  /** Another model has come in place of a lost one. */
  modelAttached(): void {
    if (this.#isHeard) this.#holdModel();
  }

  /** @param done  the model is heard again, or another one is called in. */
  end(done: () => void): void {
    this.#isHeard = false;
    this.line.close();
    if (this.#isClosed) return;
    if (this.#isHeld) this.#bringBack(done);
    else done();
  }

  /** The call is over, and its conference with it. */
  close(): void {
    this.#isClosed = true;
    this.#isHeard = false;
    this.line.close();
  }

  #holdModel(): void {
    this.#isHeld = true;
    const { publicUrl, failed } = this.#parts;
    const link = { kind: "silence", call: this.#call.parties.callSid } as const;
    // Music would be a turn of the caller's to the model.
    const holdUrl = callbackUrl(publicUrl, "/transfer-status", link);
    this.#update({ hold: true, holdUrl }).catch((error: unknown) => {
      this.#log("sip: model not put on hold", error);
      if (this.#isHeard) failed();
    });
  }

  #bringBack(done: () => void): void {
    const { control, modelStuck } = this.#parts;
    const { clock } = this.#call.deps;
    let tries = 0;
    let refusals = 0;
    let isOver = false;
    const over = (isBack: boolean): void => {
      if (isOver) return;
      isOver = true;
      again.cancel();
      last.cancel();
      if (this.#isClosed) return;
      // Otherwise another supervisor is heard by now, and wants the model on hold.
      if (!this.#isHeard) {
        this.#isHeld = false;
        if (!isBack) modelStuck();
      }
      done();
    };
    const attempt = (request: Promise<void>): void => {
      tries += 1;
      request.then(
        () => over(true),
        (error: unknown) => {
          this.#log("sip: model not taken off hold", error);
          refusals += 1;
          if (this.#isHeard || errorCodeOf(error) === "caller_gone") over(true);
          else if (refusals === TRIES_MOST) over(false);
          else tryAgain();
        },
      );
    };
    const tryAgain = (): void => {
      if (isOver || tries === TRIES_MOST || this.#isHeard || this.#isClosed) return;
      // Not behind the first one, which may never be answered.
      attempt(control.updateParticipant(this.#conference, MODEL_LABEL, { hold: false }));
    };
    const again = clock.after(AGAIN_MS, tryAgain);
    const last = clock.after(RESTORE_MS, () => over(false));
    attempt(this.#update({ hold: false }));
  }

  get #conference(): string {
    return conferenceName(this.#call.parties);
  }

  #update(change: Parameters<CallControl["updateParticipant"]>[2]): Promise<void> {
    const { control } = this.#parts;
    const request = this.#holding.then(() =>
      control.updateParticipant(this.#conference, MODEL_LABEL, change),
    );
    this.#holding = request.catch(() => undefined);
    return request;
  }

  #log(text: string, error: unknown): void {
    const code = errorCodeOf(error);
    if (code !== "caller_gone") this.#call.log.warn(text, { code }, error);
  }
}
