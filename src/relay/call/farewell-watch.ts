import type { ModelSession } from "../model/model-session.js";
import type { CallEvent, CallState } from "./call-events.js";
import type { CallPath } from "./call-path.js";

/** From the last sound that the caller heard: a silent farewell is given up after this. */
const SILENCE_MS = 3_500;

export interface FarewellWatchHost {
  readonly state: CallState;
  readonly session: Pick<ModelSession, "quiet"> | null;
  readonly path: Pick<CallPath, "heard" | "isHeardOut">;
  dispatch(event: CallEvent): void;
}

/** Tells a call that is about to leave its agent when the farewell is over, or will not come. */
export class FarewellWatch {
  readonly #call: FarewellWatchHost;
  #beganMs = Number.NEGATIVE_INFINITY;

  constructor(call: FarewellWatchHost) {
    this.#call = call;
  }

  begins(nowMs: number): void {
    this.#beganMs = nowMs;
  }

  /** The playback position has moved, or a response has ended. */
  playbackMoved(nowMs: number): void {
    const { state, session, path } = this.#call;
    if (state.name === "leaving" && (session === null || session.quiet) && path.isHeardOut(nowMs))
      this.#call.dispatch({ type: "heard_out" });
  }

  tick(nowMs: number): void {
    const { state, path } = this.#call;
    if (state.name !== "leaving") return;
    const silentSinceMs = Math.max(this.#beganMs, path.heard(nowMs).soundUntilMs);
    if (nowMs - silentSinceMs >= SILENCE_MS)
      this.#call.dispatch({ type: "timer", timer: "farewell" });
  }
}
