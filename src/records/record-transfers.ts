import type { RecordedTransfer } from "../domain/call-record.js";
import type { RecordEvent } from "../domain/record-event.js";
import { addEvent, insertByTime, LIMITS, type RecordDraft } from "./record-draft.js";

type Of<Type extends RecordEvent["type"]> = Extract<RecordEvent, { readonly type: Type }>;

export function applyTransferRequested(
  draft: RecordDraft,
  event: Of<"transfer_requested">,
  atMs: number,
): void {
  if (draft.transfer !== null) draft.earlierTransfers = [...draft.earlierTransfers, draft.transfer];
  draft.transfer = {
    destination: event.destination,
    kind: event.kind,
    reason: event.reason,
    summary: event.summary,
    urgency: event.urgency,
    by: event.by,
    requestedMs: atMs,
    outcome: null,
    steps: [],
  };
}

export function applyTransferStep(
  draft: RecordDraft,
  event: Of<"transfer_step">,
  atMs: number,
): void {
  const { transfer } = draft;
  const { step, detail } = event;
  if (transfer === null) {
    addEvent(draft, { atMs, name: step, fields: { detail } });
    return;
  }
  const steps = transfer.steps.slice();
  insertByTime(steps, { atMs, step, detail }, LIMITS.transferSteps);
  draft.transfer = { ...transfer, steps };
}

export function applyTransferOutcome(
  draft: RecordDraft,
  event: Of<"transfer_outcome">,
  atMs: number,
): void {
  const { transfer, earlierTransfers } = draft;
  const { destination, outcome } = event;
  if (transfer?.destination === destination) {
    draft.transfer = { ...transfer, outcome };
    return;
  }
  const index = earlierTransferOf(destination, earlierTransfers);
  const earlier = earlierTransfers[index];
  if (earlier !== undefined) {
    const transfers = earlierTransfers.slice();
    transfers[index] = { ...earlier, outcome };
    draft.earlierTransfers = transfers;
  } else if (transfer !== null && transfer.outcome === null) {
    draft.transfer = { ...transfer, outcome };
  } else {
    addEvent(draft, { atMs, name: "transfer_outcome", fields: { destination, outcome } });
  }
}

/**
 * The next destination may have been requested before the outcome of the last one arrives. A
 * transfer is named after the destination that was requested, and its outcome after the step of the
 * failover list on which it ended.
 */
function earlierTransferOf(destination: string, earlier: readonly RecordedTransfer[]): number {
  const named = earlier.findLastIndex(
    (transfer) => transfer.destination === destination && transfer.outcome === null,
  );
  return named >= 0 ? named : earlier.findIndex((transfer) => transfer.outcome === null);
}
