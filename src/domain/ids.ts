/** Branded identifiers: a string of one kind is never passed where another is expected. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type CallSid = Branded<"CallSid">;
export type StreamSid = Branded<"StreamSid">;
export type ItemId = Branded<"ItemId">;
export type ResponseId = Branded<"ResponseId">;
export type ToolCallId = Branded<"ToolCallId">;
