import type { CallContext, CallPathHost } from "../call/call-path.js";
import { type AudioPath, isLocal } from "./audio-path.js";
import { BargeIn } from "./barge-in.js";
import type { GreetingProtection } from "./greeting-protection.js";

/**
 * Decides that the caller has interrupted the agent. Local VAD is quicker than the model's turn
 * detection, but less certain, so it only pauses playout. The model's `speech_started` is the
 * interruption: audio that waits is dropped and the model's memory is cut to what was heard. If it
 * does not come, playout goes on where it stopped.
 */
export class Interruptions {
  readonly #call: CallContext;
  readonly #host: CallPathHost;
  readonly #audio: AudioPath;
  readonly #protection: GreetingProtection;
  readonly #barge: BargeIn;

  constructor(
    call: CallContext,
    host: CallPathHost,
    audio: AudioPath,
    protection: GreetingProtection,
  ) {
    this.#call = call;
    this.#host = host;
    this.#audio = audio;
    this.#protection = protection;
    this.#barge = new BargeIn(call.agent.vad.confirmMs);
  }

  /** Local VAD hears the caller: pauses playout, unless settings or circumstances forbid it. */
  byLocalVad(nowMs: number): void {
    const { agent, eventLog } = this.#call;
    const { playout } = this.#audio;
    const { session, isTalking } = this.#host;
    if (!agent.vad.localBargeIn || !agent.turnDetection.interruptResponse) return;
    // From a model that sends audio in real time, a pause would make all further audio late.
    if (session?.capabilities.aheadOfRealTime === false) return;
    if (!isTalking || playout.isSilent(nowMs)) return;
    if (this.#protection.protects(nowMs) || !this.#barge.onset(nowMs)) return;
    playout.hold();
    eventLog.note("playout_held");
  }

  /** The model reports that the caller speaks: the caller has interrupted. */
  byModel(nowMs: number): void {
    const paused = this.#barge.confirmed();
    if (this.#protection.protects(nowMs)) return;
    const { agent, deps } = this.#call;
    if (this.#cut(nowMs)) {
      deps.metrics.bargeIns.add(1, agent.name, paused ? "local" : "model");
      deps.metrics.bargeInClear.observe((deps.clock.nowMs() - nowMs) / 1000);
    } else if (agent.turnDetection.interruptResponse) {
      // Nothing waits. Audio of the response that the server is cancelling may still come.
      this.#host.session?.interrupted([]);
    }
  }

  /** A supervisor takes over: cuts the agent off, whether or not the caller speaks. */
  bySupervisor(nowMs: number): void {
    this.#barge.forget();
    if (!this.#cut(nowMs)) this.#host.session?.interrupted([]);
  }

  /** Drops what waits and cuts the model's memory to what was heard. False: nothing waited. */
  #cut(nowMs: number): boolean {
    const reports = this.#audio.interrupt(nowMs);
    if (reports === null) return false;
    const spoken = reports.filter(({ itemId }) => !isLocal(itemId));
    for (const report of spoken) this.#call.eventLog.agentHeard(report, true);
    this.#host.session?.interrupted(spoken.filter(({ cut }) => cut));
    return true;
  }

  /** Ends a pause that the model has not confirmed in time. */
  tick(nowMs: number): void {
    if (!this.#barge.expired(nowMs)) return;
    this.#audio.playout.resume(nowMs);
    this.#call.eventLog.note("playout_resumed");
  }

  /** The caller's stream is over. */
  forget(): void {
    this.#barge.forget();
  }
}
