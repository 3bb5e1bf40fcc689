import type { CallSid } from "../domain/ids.js";

/** What the customer database knows of a caller. Everything may be missing. */
export interface CallerProfile {
  readonly name: string | null;
  /** BCP 47 tag. */
  readonly language: string | null;
  /** For the model, a few sentences at most. */
  readonly notes: string | null;
  readonly openCases: readonly { readonly id: string; readonly subject: string }[];
  /**
   * Texts, numbers and truth values of the answer by their names, each on one line: what `{{caller.FIELD}}` stands
   * for. Absent in flight recordings of earlier versions.
   */
  readonly fields?: Readonly<Record<string, string>>;
}

/** A caller who is about to be handed to a human. */
export interface Escalation {
  readonly callSid: CallSid;
  readonly from: string;
  readonly to: string;
  readonly agent: string;
  readonly destination: string;
  readonly reason: string | null;
  readonly summary: string | null;
  readonly urgency: string | null;
}

export interface CrmCall {
  readonly callSid: CallSid;
  readonly from: string;
  readonly to: string;
}

/** The customer database, as far as it is configured: what is not there answers null and takes nothing. */
export interface Crm {
  /** Never rejects and never takes longer than its time-out. Null: an unknown caller, or no answer. */
  lookUp(call: CrmCall): Promise<CallerProfile | null>;
  /** What it calls the case, if it says. Rejects with a RelayError `tool_…`. */
  escalate(escalation: Escalation): Promise<string | null>;
  /**
   * The record of a call that is over, as JSON. Kept on disk until it is accepted: resolves once it is there.
   * Rejects only when the disk fails.
   */
  completed(call: CrmCall, record: string): Promise<void>;
}
