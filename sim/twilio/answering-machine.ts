/** Answering machines, and Twilio's detection of them. */
import { ULAW_SILENCE } from "../audio/mulaw.js";
import { speechLike, tone } from "../audio/synth.js";
import type { CallLeg } from "./call-leg.js";
import type { TwilioContext } from "./context.js";
import type { AnsweringMachine, Party } from "./party.js";
import { FRAME_BYTES, type Voice } from "./voice.js";

const GREETING_MS = 4000;
const BEEP_MS = 500;
const BEEP_HZ = 1000;
const DETECTION_MS = 300;
/** From the end of the beep to the report of it. */
const BEEP_RESULT_MS = 100;

/** From the answer to the end of the greeting, and to the end of the beep. */
export function machineTimes({ greetingMs = GREETING_MS, beep = true }: AnsweringMachine) {
  return { greetingMs, recordingMs: greetingMs + (beep ? BEEP_MS : 0) };
}

/** Speaks its greeting from the answer on, whether or not a stream listens. */
export class MachineVoice implements Voice {
  readonly #audio: Buffer;
  readonly #elapsedMs: () => number;

  /** @param elapsedMs  since the answer. */
  constructor(machine: AnsweringMachine, elapsedMs: () => number) {
    const { greetingMs } = machineTimes(machine);
    this.#audio = Buffer.concat([
      speechLike(greetingMs, 5),
      machine.beep === false ? Buffer.alloc(0) : tone(BEEP_HZ, BEEP_MS),
    ]);
    this.#elapsedMs = elapsedMs;
  }

  next(out: Uint8Array, at: number): void {
    const from = Math.max(0, Math.round(this.#elapsedMs() * 8));
    out.fill(ULAW_SILENCE, at, at + FRAME_BYTES);
    out.set(this.#audio.subarray(from, from + FRAME_BYTES), at);
  }
}

/** When the result comes, counted from the answer, and what it is. */
export function detectionOf(
  party: Party,
  mode: string,
): { readonly afterMs: number; readonly answeredBy: string } {
  const { machine, detectionMs = DETECTION_MS } = party;
  const answeredBy = party.answeredBy ?? (machine === undefined ? "human" : "machine_start");
  if (mode !== "DetectMessageEnd" || answeredBy !== "machine_start")
    return { afterMs: detectionMs, answeredBy };
  const beeps = machine?.beep !== false;
  const { recordingMs } = machineTimes(machine ?? {});
  return {
    afterMs: recordingMs + BEEP_RESULT_MS,
    answeredBy: beeps ? "machine_end_beep" : "machine_end_silence",
  };
}

export interface Detection {
  /** `MachineDetection`: Enable or DetectMessageEnd. */
  readonly mode: string;
  readonly url: string | null;
  readonly method: string | null;
}

/** Sends the result while the call goes on. */
export function detectAside(twilio: TwilioContext, leg: CallLeg, detection: Detection): void {
  const { afterMs, answeredBy } = detectionOf(leg.party, detection.mode);
  twilio.clock.after(afterMs, () => {
    if (leg.over) return;
    leg.answeredBy = answeredBy;
    if (detection.url === null) return;
    twilio.callback(
      leg,
      detection.url,
      {
        CallSid: leg.sid,
        AccountSid: twilio.accountSid,
        AnsweredBy: answeredBy,
        MachineDetectionDuration: String(Math.round(afterMs)),
      },
      "amd",
      detection.method === "GET" ? "GET" : "POST",
    );
  });
}
