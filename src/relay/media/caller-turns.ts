import type { TurnDetection } from "../../domain/agent-profile.js";
import type { ItemId } from "../../domain/ids.js";
import type { Endpoint } from "../../vad/endpointer.js";
import type { CallContext, CallPathHost } from "../call/call-path.js";
import type { AudioPath } from "./audio-path.js";
import type { Interruptions } from "./interruptions.js";
import type { TurnDetectionTuner } from "./turn-detection-tuner.js";

/** Speech this long is more than a cough, so a live model reports it. */
const UTTERANCE_MS = 400;

/** Passes the caller's turns to interruptions, to the turn-detection tuner and to the record. */
export class CallerTurns {
  readonly #call: Pick<CallContext, "eventLog">;
  readonly #host: Pick<CallPathHost, "session">;
  readonly #audio: Pick<AudioPath, "modelHears" | "sessionTimeMs" | "vad">;
  readonly #tuner: Pick<TurnDetectionTuner, "localHeard" | "modelHeard">;
  readonly #interruptions: Pick<Interruptions, "byLocalVad" | "byModel">;
  #startedMs = 0;

  constructor(
    call: Pick<CallContext, "eventLog">,
    host: Pick<CallPathHost, "session">,
    audio: Pick<AudioPath, "modelHears" | "sessionTimeMs" | "vad">,
    tuner: Pick<TurnDetectionTuner, "localHeard" | "modelHeard">,
    interruptions: Pick<Interruptions, "byLocalVad" | "byModel">,
  ) {
    this.#call = call;
    this.#host = host;
    this.#audio = audio;
    this.#tuner = tuner;
    this.#interruptions = interruptions;
  }

  /**
   * The model hears the caller start or stop speaking.
   *
   * @param audioMs  position in the session's audio, in ms.
   * @param turns    the turn detection in force.
   */
  heardByModel(
    state: "started" | "stopped",
    itemId: ItemId,
    audioMs: number,
    turns: TurnDetection,
    nowMs: number,
  ): void {
    this.#audio.modelHears(state === "started");
    this.#tuner.modelHeard(state, this.#audio.vad);
    const { eventLog } = this.#call;
    if (state === "started") {
      this.#interruptions.byModel(nowMs);
      this.#startedMs = this.#audio.sessionTimeMs(audioMs);
      eventLog.callerSpoke(itemId, this.#startedMs, null);
      return;
    }
    const silenceMs = turns.type === "server_vad" ? turns.silenceDurationMs : 0;
    const endedMs = this.#audio.sessionTimeMs(audioMs) - silenceMs;
    eventLog.callerSpoke(itemId, this.#startedMs, endedMs);
  }

  /** The caller typed a turn, which interrupts as speech does. */
  typed(itemId: ItemId, nowMs: number): void {
    this.#interruptions.byModel(nowMs);
    this.#call.eventLog.callerSpoke(itemId, nowMs, nowMs);
  }

  /** Local VAD hears the caller start or stop speaking. */
  heardLocally(endpoint: Endpoint, nowMs: number): void {
    const { vad } = this.#audio;
    this.#tuner.localHeard(endpoint, vad);
    if (endpoint === "speech_stopped") {
      if (vad.lastSpeechMs >= UTTERANCE_MS) this.#host.session?.callerPaused();
      return;
    }
    this.#interruptions.byLocalVad(nowMs);
  }
}
