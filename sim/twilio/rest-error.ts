/** A refusal, as Twilio writes it: `{code, message, more_info, status}`. */
export class RestError extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Query or form of a request. */
export type Params = URLSearchParams;
