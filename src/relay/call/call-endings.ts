/**
 * How a call leaves its agent or ends: the last steps of call-state.ts, each with its effects.
 * Pure.
 */
import type { CallOutcome } from "../../domain/record-event.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type {
  CallEnd,
  CallState,
  ConnectEndedAnswer,
  Disposition,
  Effect,
  Step,
} from "./call-events.js";

/** The caller has arrived, or will not come: the timers that wait for them stop. */
export const ARRIVED: readonly Effect[] = [
  { do: "disarm", timer: "claim" },
  { do: "disarm", timer: "arrival" },
];

export const stay = (state: CallState): Step => ({ state, effects: [] });

/** The farewell is over, or there is none: the caller goes where the disposition says. */
export function depart(disposition: Disposition, before: readonly Effect[]): Step {
  switch (disposition.kind) {
    case "transfer":
      return handOver(disposition.request, before, false);
    case "end": {
      const { state, effects } = end("completed", disposition.reason, "hang_up", before);
      const hangUp: Effect = { do: "close_line", how: "hang_up" };
      return {
        state,
        effects: effects.map((effect) => (effect.do === "close_line" ? hangUp : effect)),
      };
    }
    case "fallback":
      return fallback(disposition.code, before);
  }
}

/** The transfer decides from here on. `agentStays`: the model keeps the caller company. */
export function handOver(
  request: TransferRequest,
  before: readonly Effect[],
  agentStays: boolean,
): Step {
  return {
    state: { name: "handing_over", failure: null },
    effects: [
      ...before,
      ...(agentStays ? [] : ([{ do: "release_model", why: "transfer" }] as const)),
      { do: "await_person" },
      { do: "hand_over", request },
    ],
  };
}

/**
 * The caller leaves the agent for the fallback destination. `asked`: Twilio is asking what follows,
 * so the answer can take the caller there.
 */
export function fallback(reason: string, before: readonly Effect[], asked = false): Step {
  return {
    state: { name: "handing_over", failure: reason },
    effects: [
      ...before,
      { do: "release_model", why: "failure" },
      { do: "fall_back", reason, asked },
    ],
  };
}

/** The call is over and waits for transcripts. */
export function end(
  outcome: CallOutcome,
  reason: string,
  next: ConnectEndedAnswer,
  before: readonly Effect[],
): Step {
  return {
    state: { name: "closing", outcome, reason, next },
    effects: [...before, { do: "close_line", how: "stream_only" }, { do: "await_transcripts" }],
  };
}

/** As `end`, without waiting for transcripts. */
export function endAtOnce(
  outcome: CallOutcome,
  reason: string,
  next: ConnectEndedAnswer,
  before: readonly Effect[],
): Step {
  const last = ended({ outcome, reason, next });
  return {
    state: last.state,
    effects: [...before, { do: "close_line", how: "stream_only" }, ...last.effects],
  };
}

/** The last step of a call. */
export function ended({ outcome, reason, next }: CallEnd): Step {
  return {
    state: { name: "ended", outcome, reason, next },
    effects: [
      { do: "disarm", timer: "transcripts" },
      { do: "release_model", why: "end" },
      { do: "finish", outcome, reason },
    ],
  };
}
