/** Branded identifiers: a string of one kind is never passed where another is expected. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type CallSid = Branded<"CallSid">;
export type StreamSid = Branded<"StreamSid">;
export type ItemId = Branded<"ItemId">;
export type ResponseId = Branded<"ResponseId">;
export type ToolCallId = Branded<"ToolCallId">;

/** What Twilio's CallSids look like: CA and 32 hexadecimal digits. */
const CALL_SID = /^CA[0-9a-fA-F]{32}$/;

/** Null: no CallSid of Twilio's. */
export function readCallSid(text: string | undefined): CallSid | null {
  return text !== undefined && CALL_SID.test(text) ? (text as CallSid) : null;
}
