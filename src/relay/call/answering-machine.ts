/**
 * A machine that has said nothing for so long has ended its greeting, whatever the detection says.
 */
const QUIET_MS = 2_500;
/** A greeting that takes longer is not waited for. Twilio's own detection gives up after 30 s. */
const GREETING_MOST_MS = 30_000;

/** What the call does about a result of the detection. */
export type MachineAction = "none" | "hang_up" | "listen" | "leave_message";

/**
 * An answering machine on an outbound call: its greeting is listened to, and the message is left
 * behind it. The detection says `machine_start` when a machine has answered, and `machine_end_…` at
 * the end of its greeting or at the beep; which of them it says depends on the kind of detection.
 * Pure; time is an argument.
 */
export class AnsweringMachine {
  #answeredBy: string | null = null;
  /** Since when the machine's greeting is being waited out; null: it is not. */
  #greetingSinceMs: number | null = null;
  #isSpeaking = false;
  #hasSpoken = false;
  #quietSinceMs = Number.NEGATIVE_INFINITY;

  /** The model answers the machine's own greeting: it is not to speak now. */
  get isSpokenTo(): boolean {
    return this.#greetingSinceMs !== null && this.#hasSpoken;
  }

  /** What Twilio takes for the one who answered. Null: a callback that is repeated. */
  answeredBy(by: string, nowMs: number): MachineAction | null {
    const first = this.#answeredBy === null;
    const endsGreeting = by.startsWith("machine_end") && this.#greetingSinceMs !== null;
    if (!first && !endsGreeting) return null;
    this.#answeredBy = by;
    if (by === "fax") return "hang_up";
    if (by.startsWith("machine_end")) {
      this.#greetingSinceMs = null;
      return "leave_message";
    }
    if (!by.startsWith("machine")) return "none";
    this.#greetingSinceMs = nowMs;
    return "listen";
  }

  /** The model heard the other side begin or end to speak. */
  speech(state: "started" | "stopped", nowMs: number): void {
    this.#isSpeaking = state === "started";
    this.#quietSinceMs = nowMs;
    if (this.#greetingSinceMs !== null) this.#hasSpoken = true;
  }

  /** True, once: the greeting is over by its silence or its length. */
  greetingOver(nowMs: number): boolean {
    const sinceMs = this.#greetingSinceMs;
    if (sinceMs === null) return false;
    const quietMs = this.#isSpeaking ? 0 : nowMs - Math.max(sinceMs, this.#quietSinceMs);
    if (quietMs < QUIET_MS && nowMs - sinceMs < GREETING_MOST_MS) return false;
    this.#greetingSinceMs = null;
    return true;
  }
}
