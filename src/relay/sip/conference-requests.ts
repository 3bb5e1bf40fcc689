import { errorCodeOf } from "../../domain/errors.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { CallContext } from "../call/call-path.js";
import { callbackUrl } from "../calls/callback-link.js";
import type { ConferenceInput } from "./conference-events.js";

export interface ConferenceRequestsDeps {
  readonly control: Pick<CallControl, "hangUp" | "updateParticipant">;
  /** `https://…` without a final slash. */
  readonly publicUrl: string;
}

/** From the request to the end of a short announcement in the conference. */
const COMFORT_MS = 2_500;

/** The requests to Twilio about the caller in their conference. None of them rejects. */
export class ConferenceRequests {
  readonly #call: CallContext;
  readonly #deps: ConferenceRequestsDeps;
  readonly #tell: (input: ConferenceInput & { type: "hold_done" }) => void;

  constructor(
    call: CallContext,
    deps: ConferenceRequestsDeps,
    tell: (input: ConferenceInput & { type: "hold_done" }) => void,
  ) {
    this.#call = call;
    this.#deps = deps;
    this.#tell = tell;
  }

  hangUpCaller(): void {
    this.#deps.control
      .hangUp(this.#call.parties.callSid)
      .catch((error: unknown) => this.#failed("sip: caller's leg not hung up", error));
  }

  /** On hold the caller hears music. Either way it is told that the request is over. */
  hold(on: boolean): void {
    this.#update({ hold: on }).then(
      () => this.#tell({ type: "hold_done", callerGone: false }),
      (error: unknown) => {
        this.#failed("sip: hold not changed", error);
        this.#tell({ type: "hold_done", callerGone: errorCodeOf(error) === "caller_gone" });
      },
    );
  }

  /**
   * The audio is not the relay's, so Twilio speaks to a caller who waits.
   *
   * @returns how long until it has been heard, in ms.
   */
  comfort(language: string): number {
    const { callSid: call } = this.#call.parties;
    const link = { kind: "comfort", call, language } as const;
    const announceUrl = callbackUrl(this.#deps.publicUrl, "/transfer-status", link);
    this.#update({ announceUrl }).catch((error: unknown) =>
      this.#failed("sip: no comfort for a caller who waits", error),
    );
    return COMFORT_MS;
  }

  #update(change: Parameters<CallControl["updateParticipant"]>[2]): Promise<void> {
    const { parties } = this.#call;
    return this.#deps.control.updateParticipant(conferenceName(parties), parties.callSid, change);
  }

  /** A caller who has gone needs nothing any more. */
  #failed(text: string, error: unknown): void {
    const code = errorCodeOf(error);
    if (code !== "caller_gone") this.#call.log.warn(text, { code }, error);
  }
}
