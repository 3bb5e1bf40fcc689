/** From the machine's last words: its greeting is over, whatever Twilio's detection says. */
const QUIET_MS = 2_500;
/** From the detection of a machine: its greeting is awaited this long, as Twilio does. */
const MAX_GREETING_MS = 30_000;

/** What the call does when Twilio reports who has answered. */
export type MachineAction = "none" | "hang_up" | "listen" | "leave_message";

/**
 * An answering machine on an outbound call: the agent listens to the machine's greeting and leaves
 * its message after it. Twilio reports `machine_start` when a machine has answered, or
 * `machine_end_…` at the end of the greeting or at the beep, depending on the kind of detection.
 * Pure; time is an argument.
 */
export class AnsweringMachine {
  #answeredBy: string | null = null;
  /** Since when the machine's greeting is being waited out; null: it is not. */
  #greetingSinceMs: number | null = null;
  #isSpeaking = false;
  #hasSpoken = false;
  #quietSinceMs = Number.NEGATIVE_INFINITY;

  /** The model would be answering the machine's own greeting, so it must not speak now. */
  get isSpokenTo(): boolean {
    return this.#greetingSinceMs !== null && this.#hasSpoken;
  }

  /**
   * @param by  who has answered, as Twilio reports it (`AnsweredBy`).
   * @returns   null: a repeated callback.
   */
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

  /** True, once: the greeting has ended in silence, or has taken too long. */
  greetingOver(nowMs: number): boolean {
    const sinceMs = this.#greetingSinceMs;
    if (sinceMs === null) return false;
    const quietMs = this.#isSpeaking ? 0 : nowMs - Math.max(sinceMs, this.#quietSinceMs);
    if (quietMs < QUIET_MS && nowMs - sinceMs < MAX_GREETING_MS) return false;
    this.#greetingSinceMs = null;
    return true;
  }
}
