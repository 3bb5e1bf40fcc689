import { doublingPauses } from "../../domain/backoff.js";
import { errorCodeOf } from "../../domain/errors.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { CallContext } from "../call/call-path.js";
import { callbackUrl } from "../calls/callback-link.js";
import type { ConferenceInput } from "./conference-events.js";
import { warnUnlessGone } from "./failed-request.js";
import { HoldCheck } from "./hold-check.js";

export interface ConferenceRequestsDeps {
  readonly control: Pick<
    CallControl,
    "hangUp" | "isOnHold" | "removeParticipant" | "updateParticipant"
  >;
  /** `https://…` without a final slash. */
  readonly publicUrl: string;
}

/** From the request to the end of the short announcement in the conference. */
const COMFORT_MS = 2_500;
/** From Twilio's answer to a hang-up to the check that the caller has left the conference. */
const GONE_MS = 3_000;
/** Between the tries to end the caller's call: 50 s in all. */
const HANG_UP_PAUSES = doublingPauses(500, 16_000, 8);
/** Between the tries to take the caller off hold. */
const UNHOLD_PAUSES_MS = [500, 1_000, 2_000, 4_000];

type HoldNews = ConferenceInput & { readonly type: "hold_done" | "caller_stuck" };

/** The requests to Twilio about the caller in their conference. None of them rejects. */
export class ConferenceRequests {
  readonly #call: CallContext;
  readonly #deps: ConferenceRequestsDeps;
  readonly #tell: (input: HoldNews) => void;
  readonly #holdCheck: HoldCheck;
  #isHoldWanted = false;
  /** Requests about the hold, numbered from 1. */
  #sent = 0;
  #lastAnswered = 0;

  constructor(call: CallContext, deps: ConferenceRequestsDeps, tell: (input: HoldNews) => void) {
    this.#call = call;
    this.#deps = deps;
    this.#tell = tell;
    this.#holdCheck = new HoldCheck(call, deps.control, call.parties.callSid);
  }

  /**
   * Ends the caller's call. The model is gone, so a caller who stayed would hear music for hours. A
   * caller who is still there afterwards, whatever Twilio has answered, is removed from the
   * conference. Twilio then asks what follows, and is told to hang up.
   */
  hangUpCaller(): void {
    const { control } = this.#deps;
    const { callSid } = this.#call.parties;
    const { clock } = this.#call.deps;
    const takeOut = (): void =>
      this.#insist(
        () => control.removeParticipant(conferenceName({ callSid }), callSid),
        () => undefined,
      );
    this.#insist(
      () => control.hangUp(callSid),
      () => void clock.after(GONE_MS, takeOut),
    );
  }

  /** @param done  Twilio has accepted the request, or knows no such caller. */
  #insist(request: () => Promise<void>, done: () => void, failures = 0): void {
    request().then(done, (error: unknown) => {
      warnUnlessGone(this.#call.log, "sip: caller's leg not hung up", error);
      if (errorCodeOf(error) === "caller_gone") {
        done();
        return;
      }
      const pauseMs = HANG_UP_PAUSES(failures + 1);
      if (pauseMs === null) return;
      this.#call.deps.clock.after(pauseMs, () => this.#insist(request, done, failures + 1));
    });
  }

  /** Puts the caller on hold, with music, or takes them off. Reports `hold_done` either way. */
  hold(on: boolean): void {
    this.#isHoldWanted = on;
    this.#hold(1);
  }

  /** The last request wins, even if Twilio answers late or carries out an earlier one last. */
  #hold(tries: number): void {
    const on = this.#isHoldWanted;
    const request = ++this.#sent;
    this.#holdCheck.cancel();
    this.#update({ hold: on }).then(
      () => {
        this.#tell({ type: "hold_done", callerGone: false });
        if (!on && request === this.#sent) this.#holdCheck.begin(() => this.#tryAgain(tries));
        this.#answered(request);
      },
      (error: unknown) => {
        warnUnlessGone(this.#call.log, "sip: hold not changed", error);
        const callerGone = errorCodeOf(error) === "caller_gone";
        this.#tell({ type: "hold_done", callerGone });
        if (callerGone) return;
        // A caller who cannot be put on hold only lacks music. One who stays on hold hears no one.
        if (!on && request === this.#sent) this.#tryAgain(tries);
        else this.#answered(request);
      },
    );
  }

  #answered(request: number): void {
    if (request < this.#lastAnswered) this.#hold(1);
    else this.#lastAnswered = request;
  }

  #tryAgain(tries: number): void {
    const pauseMs = UNHOLD_PAUSES_MS[tries - 1];
    if (pauseMs === undefined) {
      this.#tell({ type: "caller_stuck" });
      return;
    }
    const failed = this.#sent;
    this.#call.deps.clock.after(pauseMs, () => {
      if (this.#sent === failed) this.#hold(tries + 1);
    });
  }

  /**
   * Has Twilio speak to a caller who waits, because the relay does not carry the audio.
   *
   * @returns about how long it takes until the caller has heard it, in ms.
   */
  comfort(language: string): number {
    const { callSid: call } = this.#call.parties;
    const link = { kind: "comfort", call, language } as const;
    const announceUrl = callbackUrl(this.#deps.publicUrl, "/transfer-status", link);
    this.#update({ announceUrl }).catch((error: unknown) =>
      warnUnlessGone(this.#call.log, "sip: comfort announcement failed", error),
    );
    return COMFORT_MS;
  }

  #update(change: Parameters<CallControl["updateParticipant"]>[2]): Promise<void> {
    const { parties } = this.#call;
    return this.#deps.control.updateParticipant(conferenceName(parties), parties.callSid, change);
  }
}
