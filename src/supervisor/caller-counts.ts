import type { CallSid } from "../domain/ids.js";
import type { AgentRefusal } from "../domain/refusal-reasons.js";
import type { Clock } from "../ports/clock.js";
import { agentRefusal } from "../relay/calls/agent-limits.js";
import type { CallLimits, CountedCall } from "../relay/calls/machine-limits.js";

/**
 * From "admitted" to the call: a worker that does not begin it has refused it for another reason.
 */
const BEGIN_MS = 5_000;

interface Counted {
  readonly call: CountedCall;
  readonly worker: number;
  /** Null: it runs. */
  readonly untilMs: number | null;
}

/**
 * Who is calling this machine, over all workers, so that the limits of an agent hold for all of
 * them together. A call that was admitted counts from that moment on.
 */
export class CallerCounts {
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #calls = new Map<CallSid, Counted>();

  constructor(clock: Pick<Clock, "nowMs">) {
    this.#clock = clock;
  }

  /** @returns null: it may come in, and counts. */
  admit(worker: number, call: CountedCall, limits: CallLimits): AgentRefusal | null {
    const refusal = agentRefusal(limits, call, this.#others(call.callSid), 0);
    if (refusal !== null) return refusal;
    const untilMs = this.#clock.nowMs() + BEGIN_MS;
    this.#calls.set(call.callSid, { call, worker, untilMs });
    return null;
  }

  present(worker: number, call: CountedCall): void {
    this.#calls.set(call.callSid, { call, worker, untilMs: null });
  }

  /** Only the worker that has the call can say so: it may have moved on. */
  absent(worker: number, callSid: CallSid): void {
    if (this.#calls.get(callSid)?.worker === worker) this.#calls.delete(callSid);
  }

  workerGone(worker: number): void {
    for (const [callSid, counted] of this.#calls)
      if (counted.worker === worker) this.#calls.delete(callSid);
  }

  *#others(except: CallSid): IterableIterator<CountedCall> {
    const nowMs = this.#clock.nowMs();
    for (const [callSid, { call, untilMs }] of this.#calls) {
      if (untilMs !== null && nowMs >= untilMs) this.#calls.delete(callSid);
      else if (callSid !== except) yield call;
    }
  }
}
