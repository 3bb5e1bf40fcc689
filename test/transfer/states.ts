import type { CallSid } from "../../src/domain/ids.js";
import type { Phase, TransferEvent, TransferState } from "../../src/transfer/transfer-events.js";
import { step } from "../../src/transfer/transfer-state.js";
import { sid } from "../fakes/call-bench.js";
import { destinationNamed } from "./document-parts.js";

export const OURS: CallSid = sid(7);
export const OTHER: CallSid = sid(8);

/** A transfer in that phase, with documents of revision 5 and the consult leg of attempt 6. */
export function inPhase(
  phase: Phase,
  names: readonly string[] = ["desk", "queue"],
  changes: Partial<TransferState> = {},
): TransferState {
  return {
    failoverList: names.map(destinationNamed),
    step: 0,
    agentStays: false,
    revision: 5,
    attempt: 6,
    consultLeg: null,
    afterLastStep: "agent",
    phase,
    ...changes,
  };
}

/**
 * What an event leads to, in short: the phase, what it waits for, and the effects in their order.
 */
export function leadsTo(state: TransferState, event: TransferEvent, nowMs = 1_000): string {
  const next = step(state, event, nowMs);
  const effects = next.effects.map((effect) => {
    switch (effect.do) {
      case "arm":
        return `arm ${effect.ms}`;
      case "redirect":
        return `redirect to ${effect.page}`;
      case "answer":
        return `answer ${effect.page}`;
      case "record":
        return effect.detail === null
          ? `record ${effect.step}`
          : `record ${effect.step} ${effect.detail}`;
      case "end":
        return `end ${effect.destination.name} ${effect.outcome} ${effect.next}`;
      case "hang_up_consult_leg":
      case "probe_consult_leg":
        return `${effect.do} ${effect.sid === OURS ? "ours" : "other"}`;
      default:
        return effect.do;
    }
  });
  return [phaseText(next.state), ...effects].join(", ");
}

function phaseText({ phase, step: index, revision, attempt }: TransferState): string {
  const where = [
    index > 0 ? ` step ${index}` : "",
    revision === 5 ? "" : ` revision ${revision}`,
    attempt === 6 ? "" : ` attempt ${attempt}`,
  ].join("");
  switch (phase.name) {
    case "redirecting":
      return `redirecting${where} (${phase.waits}${phase.fromStream ? "" : ", no stream"})`;
    case "returning":
      return `returning${where} (${phase.waits})`;
    case "dialing":
      if (phase.callerGone) return `dialing${where} (caller gone)`;
      return phase.probing ? `dialing${where} (probing)` : `dialing${where}`;
    case "ringing":
      return `ringing${where}${phase.pausing ? " (pausing)" : ""}`;
    default:
      return `${phase.name}${where}`;
  }
}
