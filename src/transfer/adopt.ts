import type { AgentProfile } from "../domain/agent-profile.js";
import type { CallTransferRequest } from "../domain/transfer-request.js";
import type { TransferForm } from "./callback-forms.js";
import { consultTimeoutS } from "./destinations/kinds.js";
import { afterLastStep, failoverListOf } from "./failover-list.js";
import type { TransferSnapshot } from "./transfer-deps.js";
import type { TransferLink } from "./transfer-link.js";

/** Which end of a call, as Twilio's form has it, is the caller. */
export function partiesOf(
  form: TransferForm,
): Pick<CallTransferRequest, "caller" | "ours" | "direction"> {
  const { From: from = "", To: to = "", Direction: named } = form;
  return named?.startsWith("outbound") === true
    ? { direction: "outbound", caller: to, ours: from }
    : { direction: "inbound", caller: from, ours: to };
}

/** A form from which `partiesOf` reads the parties of this request. */
export function formOf({ callSid, direction, caller, ours }: CallTransferRequest): TransferForm {
  return direction === "outbound"
    ? { CallSid: callSid, Direction: "outbound-api", From: ours, To: caller }
    : { CallSid: callSid, Direction: "inbound", From: caller, To: ours };
}

/**
 * What the URL of a callback says of a transfer whose process has died and whose state was not
 * kept. Null: its destination is no longer in the agents file.
 */
export function adoptedTransfer(
  form: TransferForm,
  link: TransferLink,
  agent: AgentProfile,
): TransferSnapshot | null {
  const { first, by, call, step, revision, attempt } = link;
  const failoverList = failoverListOf(agent, first);
  const destination = failoverList[step];
  if (destination === undefined) return null;
  const parties = partiesOf(form);
  const isCallers = form["CallSid"] === call;
  const consulting = consultTimeoutS(destination) !== null && attempt > 0;
  return {
    version: 2,
    request: {
      callSid: call,
      destination: first,
      reason: null,
      summary: null,
      urgency: null,
      by,
      ...parties,
      // A form of the consult leg does not name the caller.
      ...(isCallers ? {} : { caller: "", ours: "" }),
      language: agent.language,
      preface: "moment",
    },
    state: {
      failoverList,
      step,
      agentStays: false,
      revision,
      attempt,
      consultLeg: null,
      afterLastStep: afterLastStep(by),
      phase: consulting
        ? { name: "ringing", tries: 0, pausing: false }
        : { name: "dialing", callerGone: false, probing: false, probes: 0 },
    },
  };
}
