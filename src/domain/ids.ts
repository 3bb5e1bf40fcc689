/** Branded identifiers: a string of one kind is never passed where another is expected. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type CallSid = Branded<"CallSid">;
export type StreamSid = Branded<"StreamSid">;
export type ItemId = Branded<"ItemId">;
export type ResponseId = Branded<"ResponseId">;
export type ToolCallId = Branded<"ToolCallId">;

/**
 * A CallSid: the source of a regular expression. Twilio writes CA and 32 hexadecimal digits, but
 * simulators and other senders of its protocols do not always. What fits may stand in a path, a
 * file name and a header.
 */
export const CALL_SID = "CA[0-9A-Za-z_-]{1,62}";

/** The id of a call that reached the model by a trunk, which has no CallSid. */
const MODEL_CALL_ID = "rtc_[\\w-]{1,100}";

/** What the relay knows a call by: the source of a regular expression. */
export const ANY_CALL_ID = `${CALL_SID}|${MODEL_CALL_ID}`;

const WHOLE_CALL_SID = new RegExp(`^${CALL_SID}$`);

/** Null: no CallSid. */
export function readCallSid(text: string | undefined): CallSid | null {
  return text !== undefined && WHOLE_CALL_SID.test(text) ? (text as CallSid) : null;
}
