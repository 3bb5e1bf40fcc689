import type { ItemId } from "../../domain/ids.js";
import type { ModelSession } from "../model/model-session.js";
import type { CallBudget } from "./call-budget.js";
import type { Refusal } from "./call-command.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallPath } from "./call-path.js";
import type { OwedCause } from "./reply-ledger.js";

export interface TypedTurnCall {
  readonly isTalking: boolean;
  readonly session: ModelSession | null;
  readonly path: Pick<CallPath, "callerTyped" | "capabilities">;
  readonly eventLog: CallEventLog;
  readonly budget: { readonly limits: Pick<CallBudget["limits"], "callerActive"> };
  readonly reply: { owe(cause: OwedCause): void };
}

/**
 * Takes a turn that the caller typed instead of speaking. It interrupts the agent, goes into the
 * record and is answered like a spoken turn.
 *
 * @returns why it was refused; null: the model has it.
 */
export function typedTurn(call: TypedTurnCall, text: string, nowMs: number): Refusal | null {
  const { session, path, eventLog } = call;
  if (text.trim() === "" || !path.capabilities.typedTurns) return "invalid";
  if (!call.isTalking || session === null) return "not_live";
  // The time makes the id unique within the call.
  const itemId = `typed_${eventLog.atMs}` as ItemId;
  call.budget.limits.callerActive(nowMs);
  path.callerTyped(itemId);
  eventLog.callerTurn(itemId);
  eventLog.callerText(itemId, text);
  call.reply.owe("caller_turn");
  session.callerTyped(itemId, text);
  return null;
}
