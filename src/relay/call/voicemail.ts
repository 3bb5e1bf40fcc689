import type { Clock } from "../../ports/clock.js";
import { AnsweringMachine } from "./answering-machine.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallState, Disposition } from "./call-events.js";
import type { Greeting } from "./greeting.js";
import * as prompts from "./prompts.js";
import type { OwedCause } from "./reply-ledger.js";
import type { ReplyWatch } from "./reply-watch.js";

export interface VoicemailHost {
  readonly state: CallState;
  readonly eventLog: CallEventLog;
  readonly reply: ReplyWatch;
  leave(disposition: Disposition): void;
  /** The model speaks as these instructions say. */
  ask(instructions: string): void;
  /** Gives the model something to say: now, or as soon as a session is ready. */
  tellModel(fact: string, cause: OwedCause): void;
}

/**
 * What the agent does when a machine has answered an outbound call: it leaves one message after the
 * machine's greeting.
 */
export class Voicemail {
  readonly machine = new AnsweringMachine();
  readonly #host: VoicemailHost;
  readonly #greeting: Greeting;
  readonly #clock: Clock;

  constructor(host: VoicemailHost, greeting: Greeting, clock: Clock) {
    this.#host = host;
    this.#greeting = greeting;
    this.#clock = clock;
  }

  /** @param by  the result of Twilio's detection. */
  answeredBy(by: string): void {
    const action = this.machine.answeredBy(by, this.#clock.nowMs());
    if (action === null) return;
    this.#host.eventLog.note("answered_by", { by });
    switch (action) {
      case "hang_up":
        this.#host.leave({ kind: "end", reason: "fax", farewell: "none" });
        return;
      case "listen":
        this.#greeting.postpone();
        this.#host.reply.withdraw();
        return;
      case "leave_message":
        this.#leaveMessage();
        return;
      case "none":
        return;
    }
  }

  tick(nowMs: number): void {
    if (this.machine.greetingOver(nowMs)) this.#leaveMessage();
  }

  #leaveMessage(): void {
    switch (this.#host.state.name) {
      case "talking":
        if (this.#greeting.isDone) this.#host.ask(prompts.LEAVE_MESSAGE);
        else this.#greeting.replaceBy(prompts.LEAVE_MESSAGE);
        return;
      case "offered":
      case "connecting":
        this.#greeting.replaceBy(prompts.LEAVE_MESSAGE);
        return;
      case "redialing":
      case "returning":
        this.#host.tellModel(prompts.LEAVE_MESSAGE, "prompt");
        return;
      default:
        // The call is on its way to somewhere else.
        return;
    }
  }
}
