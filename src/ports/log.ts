/** Fields go beside a fixed text. Never put speech, secrets or full phone numbers into either. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  child(fields: LogFields): Log;
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields, error?: unknown): void;
  error(text: string, fields?: LogFields, error?: unknown): void;
}
