import type { AgentProfile, TurnDetection } from "../../domain/agent-profile.js";
import type { CallerVad } from "../../vad/caller-vad.js";
import type { Endpoint } from "../../vad/endpointer.js";
import { type ServerVadSettings, ThresholdTuner } from "../../vad/threshold-tuner.js";
import { TurnWatch } from "../../vad/turn-watch.js";

/** Between two checks whether the turn detection fits the line. */
const CHECK_EVERY_MS = 500;

/**
 * Adjusts the model's `server_vad` to the line by comparing the turns that the model hears with
 * those that local VAD hears. Does nothing when the agent turns it off (`vad.adapt`) or has another
 * kind of turn detection.
 */
export class TurnDetectionTuner {
  readonly #given: TurnDetection;
  readonly #tuner: ThresholdTuner | null;
  readonly #watch: TurnWatch | null;
  #checkedMs = Number.NEGATIVE_INFINITY;

  constructor(agent: AgentProfile) {
    const turns = agent.turnDetection;
    this.#given = turns;
    this.#tuner = agent.vad.adapt && turns.type === "server_vad" ? new ThresholdTuner(turns) : null;
    this.#watch = this.#tuner === null ? null : new TurnWatch(this.#tuner);
  }

  /** The turn detection that the session should have now. */
  get turns(): TurnDetection {
    const given = this.#given;
    return given.type === "server_vad" && this.#tuner !== null
      ? { ...given, ...this.#tuner.settings }
      : given;
  }

  modelHeard(state: "started" | "stopped", vad: CallerVad): void {
    if (this.#tuner === null) return;
    if (state === "started") {
      this.#watch?.serverStarted(vad.audioMs);
      return;
    }
    this.#watch?.serverStopped(vad.audioMs, this.#tuner.settings.silenceDurationMs);
    // Before the caller has spoken there is no speech level.
    if (vad.stoppedMs > 0) this.#tuner.lineMeasured(vad.noiseFloorDbov, vad.speechLevelDbov);
  }

  localHeard(endpoint: Endpoint, vad: CallerVad): void {
    if (endpoint === "speech_started") this.#watch?.localStarted(vad.startedMs);
    else this.#watch?.localStopped(vad.stoppedMs);
  }

  agentSpoke(vad: CallerVad): void {
    this.#watch?.agentSpoke(vad.audioMs);
  }

  /**
   * @param mayChange  whether there is a session that can be told.
   * @returns          new settings, which `turns` has from now on; null: no change. Settings never
   *                   change in the middle of a turn.
   */
  check(nowMs: number, vad: CallerVad, mayChange: boolean): ServerVadSettings | null {
    const [tuner, watch] = [this.#tuner, this.#watch];
    if (tuner === null || watch === null || nowMs - this.#checkedMs < CHECK_EVERY_MS) return null;
    this.#checkedMs = nowMs;
    watch.check(vad.audioMs, tuner.settings.silenceDurationMs);
    if (!mayChange || !watch.betweenTurns) return null;
    const next = tuner.propose(vad.audioMs);
    if (next !== null) watch.settingsChanged(vad.audioMs);
    return next;
  }
}
