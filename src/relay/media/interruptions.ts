import type { CallContext, CallPathHost } from "../call/call-path.js";
import { type AudioPath, isLocal } from "./audio-path.js";
import { BargeIn } from "./barge-in.js";
import type { GreetingProtection } from "./greeting-protection.js";

/**
 * The caller speaks while the agent is heard. Local VAD is quicker than the model's: the agent
 * pauses at once, and goes on if it was nothing; when the model agrees, what waits is dropped.
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

  byLocalVad(nowMs: number): void {
    const { agent, eventLog } = this.#call;
    const { playout } = this.#audio;
    const { session, isTalking } = this.#host;
    if (!agent.vad.localBargeIn || !agent.turnDetection.interruptResponse) return;
    // Where audio comes in real time, what a pause holds back would stay late for the whole call.
    if (session?.capabilities.aheadOfRealTime === false) return;
    if (!isTalking || playout.isSilent(nowMs)) return;
    if (this.#protection.protects(nowMs) || !this.#barge.onset(nowMs)) return;
    playout.hold();
    eventLog.note("playout_held");
  }

  byModel(nowMs: number): void {
    const paused = this.#barge.confirmed();
    if (this.#protection.protects(nowMs)) return;
    const { agent, deps } = this.#call;
    if (this.#cut(nowMs)) {
      deps.metrics.bargeIns.add(1, agent.name, paused ? "local" : "model");
      deps.metrics.bargeInClear.observe((deps.clock.nowMs() - nowMs) / 1000);
    } else if (agent.turnDetection.interruptResponse) {
      // Nothing to take back, but what the server is cancelling now may still trickle in.
      this.#host.session?.interrupted([]);
    }
  }

  /** A supervisor speaks in place of the model, whatever the caller does. */
  bySupervisor(nowMs: number): void {
    this.#barge.forget();
    if (!this.#cut(nowMs)) this.#host.session?.interrupted([]);
  }

  /** What waits is dropped, and the model's memory cut to what was heard. False: nothing waited. */
  #cut(nowMs: number): boolean {
    const reports = this.#audio.interrupt(nowMs);
    if (reports === null) return false;
    const spoken = reports.filter(({ itemId }) => !isLocal(itemId));
    for (const report of spoken) this.#call.eventLog.agentHeard(report, true);
    this.#host.session?.interrupted(spoken.filter(({ cut }) => cut));
    return true;
  }

  /** A pause that the model did not confirm is over. */
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
