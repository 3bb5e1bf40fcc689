/**
 * Fields of a destination's entry in the agents file, described as data: `config/agents` makes the
 * file's schema from them, so that a kind of destination is described in one place.
 */
import type { DialTarget, Urgency } from "../../domain/agent-profile.js";

export type EntryField =
  /** An E.164 number, a SIP URI or a client name. */
  | { readonly type: "target"; readonly description: string }
  | {
      readonly type: "text";
      readonly minLength: number;
      readonly maxLength: number;
      readonly pattern?: RegExp;
      /** What is wrong with a text that does not match the pattern: "does not begin with WW". */
      readonly problem?: string;
      readonly description: string;
    }
  | {
      readonly type: "integer";
      readonly min: number;
      readonly max: number;
      readonly description: string;
    }
  /** A number for each urgency. */
  | {
      readonly type: "priorities";
      readonly defaults: Readonly<Record<Urgency, number>>;
      readonly description: string;
    };

export type EntryFields = Readonly<Record<string, EntryField>>;

export type FieldValue = DialTarget | string | number | Readonly<Record<Urgency, number>>;

/** An entry as the schema has let it through: a field that is not given is absent. */
export type EntryValues = Readonly<Record<string, FieldValue | undefined>>;

type ValueOf<Field> = Field extends { readonly type: "target" }
  ? DialTarget
  : Field extends { readonly type: "text" }
    ? string
    : Field extends { readonly type: "integer" }
      ? number
      : Field extends { readonly type: "priorities" }
        ? Readonly<Record<Urgency, number>>
        : never;

export type EntryOf<Fields extends EntryFields> = {
  readonly [Name in keyof Fields]?: ValueOf<Fields[Name]>;
};

/** A field that more than one kind has is described once. */
export const TIMEOUT_S = {
  type: "integer",
  min: 5,
  max: 600,
  description: "How long dial and warm ring, in seconds; 20 when left out",
} as const satisfies EntryField;

export const DEFAULT_TIMEOUT_S = 20;

/** Source: Twilio REST, calls, `SendDigits`; TwiML `<Number>`, `sendDigits`. */
export const SEND_DIGITS = {
  type: "text",
  minLength: 1,
  maxLength: 32,
  pattern: /^[0-9*#wW]{1,32}$/,
  problem: "is not 1–32 of 0–9, *, #, w (half a second) and W (a second)",
  description:
    "Keys sent once dial or warm has reached the number, for an extension behind a switchboard; " +
    "w waits half a second, W a second",
} as const satisfies EntryField;

export const MAX_PER_HOUR = {
  type: "integer",
  min: 1,
  max: 100_000,
  description:
    "Transfers that agents may make to this destination in an hour; " +
    "1,000 for dial and warm, no limit for the others when left out",
} as const satisfies EntryField;

/** Only telephone numbers have switchboards behind them that want keys. */
export function sendDigitsProblems(
  target: DialTarget | undefined,
  sendDigits: string | undefined,
): readonly { readonly field: string; readonly problem: string }[] {
  if (sendDigits === undefined || target === undefined || target.type === "number") return [];
  return [{ field: "send_digits", problem: "is for phone numbers only" }];
}

/**
 * A phone that rings more often is not answered by people; a caller who makes agents call it costs
 * money.
 */
export const DEFAULT_MAX_PER_HOUR = 1_000;
