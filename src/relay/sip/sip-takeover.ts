import type { CallControl } from "../../ports/twilio.js";
import type { CallContext } from "../call/call-path.js";
import { ModelHold } from "./model-hold.js";
import { SupervisorLine, type SupervisorLineParts } from "./supervisor-line.js";

export interface SipTakeoverParts
  extends Pick<SupervisorLineParts, "appSid" | "publicUrl" | "mediaUrl" | "tokens"> {
  readonly control: Pick<
    CallControl,
    "createParticipant" | "hangUp" | "isOnHold" | "updateParticipant"
  >;
  /** From now on the caller hears the supervisor, and no longer the model. */
  heard(): void;
  /** The supervisor cannot be heard, or the model cannot be kept out. */
  failed(): void;
  /** The model cannot be brought back. */
  modelStuck(): void;
}

/**
 * A take-over on the SIP path: the supervisor joins the conference. Once the caller hears them, the
 * model's leg is put on hold, so that it neither hears nor is heard. If that happened earlier, the
 * caller would hear no one while Twilio connects the supervisor, or for ever if this process died.
 */
export class SipTakeover {
  readonly line: SupervisorLine;
  readonly #hold: ModelHold;
  readonly #parts: SipTakeoverParts;
  #isHeard = false;

  constructor(call: CallContext, parts: SipTakeoverParts) {
    this.#parts = parts;
    const { callSid, to: number } = call.parties;
    const { control, tokens, appSid, publicUrl, mediaUrl } = parts;
    this.#hold = new ModelHold(call, {
      control,
      publicUrl,
      failed: () => parts.failed(),
      stuck: () => parts.modelStuck(),
    });
    this.line = new SupervisorLine({
      ...{ callSid, number, control, tokens, appSid, publicUrl, mediaUrl },
      clock: call.deps.clock,
      log: call.log,
      connected: () => this.#connected(),
      failed: () => parts.failed(),
    });
  }

  /** The caller hears the supervisor in place of the model. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  begin(): void {
    this.line.open();
  }

  #connected(): void {
    this.#isHeard = true;
    this.#parts.heard();
    this.#hold.begin();
  }

  /** A model has come in place of a lost one, or has only now joined the conference. */
  modelCame(): void {
    if (this.#isHeard) this.#hold.begin();
  }

  modelGone(): void {
    this.#hold.modelGone();
  }

  /** @param done  called once the model is heard again, or another one is dialled. */
  end(done: () => void): void {
    this.#isHeard = false;
    this.line.close();
    this.#hold.end(done);
  }

  /** The call is over, and with it its conference. */
  close(): void {
    this.#isHeard = false;
    this.line.close();
    this.#hold.close();
  }
}
