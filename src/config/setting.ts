import type { z } from "zod";

/** What one setting is: a row of `settings.ts`. */

export type SettingGroup =
  | "Listeners"
  | "OpenAI"
  | "Twilio"
  | "Network"
  | "Agents and records"
  | "Calls"
  | "Audio"
  | "Log"
  | "Traces";

export interface Setting<T> {
  readonly name: string;
  readonly group: SettingGroup;
  /** Reads the text of the environment. Its first issue is what the operator is told. */
  readonly schema: z.ZodType<T, string>;
  /** As it would be written in the environment; null: none. */
  readonly default: string | null;
  readonly required: boolean;
  /** Never printed; may also come from a file named by `<NAME>_FILE`. */
  readonly secret: boolean;
  /** A lower-case name that other programs use for the same setting; the own name wins. */
  readonly alias: string | null;
  /** What is allowed, in words. */
  readonly range: string;
  readonly doc: string;
  /** A value to start from. */
  readonly example: string;
}

interface Declaration<T> {
  readonly name: string;
  readonly group: SettingGroup;
  readonly schema: z.ZodType<T, string>;
  readonly secret?: boolean;
  readonly alias?: string;
  readonly range: string;
  readonly doc: string;
  readonly example?: string;
}

const COMMON = { secret: false, alias: null, default: null, required: false } as const;

export function defaulted<T>(text: string, declaration: Declaration<T>): Setting<T> {
  return { ...COMMON, example: text, ...declaration, default: text };
}

export function required<T>(
  declaration: Declaration<T> & { readonly example: string },
): Setting<T> {
  return { ...COMMON, ...declaration, required: true };
}

export function optional<T>(
  declaration: Declaration<T> & { readonly example: string },
): Setting<T | null> {
  return { ...COMMON, ...declaration };
}
