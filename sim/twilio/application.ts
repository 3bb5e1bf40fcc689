/**
 * A TwiML App as a participant: the participant's other end is a leg that runs the App's document.
 * What that leg plays is heard in the conference, and its streams hear the conference.
 */
import { ULAW_SILENCE } from "../audio/mulaw.js";
import type { CallLeg } from "./call-leg.js";
import type { Application, TwilioContext } from "./context.js";
import type { Party } from "./party.js";
import { FRAME_BYTES, type Voice } from "./voice.js";
import type { Form } from "./web.js";

/** From the request to the App's leg; it does not ring. */
const ANSWER_MS = 20;
/** Twilio's own buffer between the two legs. */
const MAX_QUEUED_FRAMES = 500;

/** Audio that comes from elsewhere, in frames; silence where there is none. */
export class CarriedVoice implements Voice {
  #queue: Uint8Array[] = [];

  push(audio: Uint8Array): void {
    if (this.#queue.length < MAX_QUEUED_FRAMES) this.#queue.push(Uint8Array.from(audio));
  }

  clear(): void {
    this.#queue = [];
  }

  next(out: Uint8Array, at: number): void {
    out.fill(ULAW_SILENCE, at, at + FRAME_BYTES);
    let end = at;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const part = first.subarray(0, at + FRAME_BYTES - end);
      if (part.length === 0) return;
      out.set(part, end);
      end += part.length;
      if (part.length < first.length) this.#queue[0] = first.subarray(part.length);
      else this.#queue.shift();
    }
  }
}

/** The App and the parameters of `app:AP…?name=value&…`; null: it is no such address. */
export function readAppAddress(
  to: string,
): { readonly sid: string; readonly parameters: Form } | null {
  const match = /^app:(AP[0-9a-f]{32})(?:\?(\S*))?$/.exec(to);
  if (match === null) return null;
  return { sid: match[1] ?? "", parameters: Object.fromEntries(new URLSearchParams(match[2])) };
}

/** Both ends of a participant that is an App. */
export class AppParticipant {
  /** Of the leg in the conference. */
  readonly party: Party;
  readonly #twilio: TwilioContext;
  readonly #app: Application;
  readonly #parameters: Form;
  readonly #said = new CarriedVoice();
  readonly #heard = new CarriedVoice();

  constructor(twilio: TwilioContext, app: Application, parameters: Form) {
    this.#twilio = twilio;
    this.#app = app;
    this.#parameters = parameters;
    this.party = {
      afterMs: ANSWER_MS,
      voice: this.#said,
      hears: (frame) => this.#heard.push(frame),
    };
  }

  /** The participant has been answered. */
  start(participant: CallLeg): void {
    const far = this.#twilio.addLeg({
      from: participant.from,
      to: `app:${this.#app.sid}`,
      direction: "outbound-dial",
      parentSid: participant.sid,
      party: {
        voice: this.#heard,
        played: (audio) => this.#said.push(audio),
        cleared: () => this.#said.clear(),
      },
      params: this.#parameters,
    });
    far.onEnd(() => participant.hangUp());
    participant.onEnd(() => far.hangUp());
    far.answer();
    far.run({ url: this.#app.voiceUrl });
  }
}
