import type { CallSid } from "../domain/ids.js";

/** What the CRM knows about a caller. Everything may be missing. */
export interface CallerProfile {
  readonly name: string | null;
  /** BCP 47 tag. */
  readonly language: string | null;
  /** For the model; a few sentences at most. */
  readonly notes: string | null;
  readonly openCases: readonly { readonly id: string; readonly subject: string }[];
  /**
   * Texts, numbers and booleans of the answer by name, each on one line: the values of
   * `{{caller.FIELD}}`. Absent in flight recordings of earlier versions.
   */
  readonly fields?: Readonly<Record<string, string>>;
}

/** A caller who is about to be transferred to a human. */
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

/** The CRM. Parts that are not configured answer null and accept nothing. */
export interface Crm {
  /**
   * Never rejects and never takes longer than its time-out. Null: an unknown caller, or no answer.
   */
  lookUp(call: CrmCall): Promise<CallerProfile | null>;
  /** @returns  the CRM's name of the case, if it gives one. Rejects with a RelayError `tool_…`. */
  escalate(escalation: Escalation): Promise<string | null>;
  /**
   * Delivers the record of an ended call, as JSON. It is kept on disk until the CRM has accepted
   * it. Resolves when it is on disk; rejects only when the disk fails.
   */
  completed(call: CrmCall, record: string): Promise<void>;
}
