/** Values beside a fixed text. Neither ever holds speech, secrets or full phone numbers. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  child(fields: LogFields): Log;
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields, error?: unknown): void;
  error(text: string, fields?: LogFields, error?: unknown): void;
}
