import type { TurnParts } from "../../domain/record-event.js";
import type { Metrics } from "../../ports/metrics.js";

/**
 * Divides each voice-to-voice time into its parts. Every moment belongs to one part, so that they
 * add up. Times are ms on the call's clock.
 */
export class TurnTiming {
  /** When the caller last stopped speaking; null once that was answered. */
  #stoppedMs: number | null = null;
  #noticedMs = 0;
  /** When the first audio since then arrived; null: none has arrived. */
  #arrivedMs: number | null = null;
  #running = 0;
  /** Since when at least one tool has been running. */
  #toolsSinceMs = 0;
  #toolMs = 0;

  /** @param stoppedMs  when the caller fell silent, as the model heard it. */
  callerStopped(stoppedMs: number, nowMs: number): void {
    this.#stoppedMs = stoppedMs;
    this.#noticedMs = nowMs;
    this.#arrivedMs = null;
    this.#toolMs = 0;
    this.#toolsSinceMs = nowMs;
  }

  toolsBegan(nowMs: number): void {
    if (this.#running++ === 0) this.#toolsSinceMs = nowMs;
  }

  /** The model has the answers. */
  toolsEnded(nowMs: number): void {
    if (this.#running === 0) return;
    if (--this.#running === 0) this.#countTools(nowMs);
  }

  /** The model that asked for tools is gone. */
  toolsForgotten(nowMs: number): void {
    if (this.#running > 0) this.#countTools(nowMs);
    this.#running = 0;
  }

  /** The first audio of an item has arrived. */
  audioArrived(nowMs: number): void {
    if (this.#arrivedMs !== null) return;
    if (this.#running > 0) this.#countTools(nowMs);
    this.#arrivedMs = nowMs;
  }

  /** The first audio of an item leaves for the caller. @returns null: it answers no caller turn. */
  answered(nowMs: number): TurnParts | null {
    const stoppedMs = this.#stoppedMs;
    if (stoppedMs === null) return null;
    const arrivedMs = this.#arrivedMs ?? nowMs;
    if (this.#arrivedMs === null && this.#running > 0) this.#countTools(nowMs);
    this.#stoppedMs = null;
    return {
      endOfTurnMs: Math.max(0, this.#noticedMs - stoppedMs),
      modelMs: arrivedMs - this.#noticedMs - this.#toolMs,
      toolMs: this.#toolMs,
      relayMs: nowMs - arrivedMs,
    };
  }

  /** Tools that outlast the arrival of an answer do not delay it. */
  #countTools(nowMs: number): void {
    if (this.#arrivedMs === null) this.#toolMs += nowMs - this.#toolsSinceMs;
    this.#toolsSinceMs = nowMs;
  }
}

/** The sum of the parts, in ms. */
export function voiceToVoiceMs(parts: TurnParts): number {
  return parts.endOfTurnMs + parts.modelMs + parts.toolMs + parts.relayMs;
}

export function observeVoiceToVoice(
  metrics: Pick<Metrics, "voiceToVoice" | "voiceToVoicePart">,
  parts: TurnParts,
  agent: string,
): void {
  metrics.voiceToVoice.observe(voiceToVoiceMs(parts) / 1000, agent);
  metrics.voiceToVoicePart.observe(parts.endOfTurnMs / 1000, "end_of_turn");
  metrics.voiceToVoicePart.observe(parts.modelMs / 1000, "model");
  metrics.voiceToVoicePart.observe(parts.toolMs / 1000, "tool");
  metrics.voiceToVoicePart.observe(parts.relayMs / 1000, "relay");
}
