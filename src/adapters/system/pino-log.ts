/**
 * Log over pino: JSON lines on stdout. The only user of pino.
 *
 * Secrets must not be passed to a log. Two filters catch those that are: fields named like a secret
 * lose their value, and keys, tokens and phone numbers are masked by their shape in every text
 * (message, field or error).
 */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";
import { RelayError } from "../../domain/errors.js";
import type { Log, LogFields } from "../../ports/log.js";
import { standardOutput } from "./log-output.js";

export interface LogOptions {
  readonly level: string;
  readonly pretty: boolean;
  /** Default: stdout. */
  readonly destination?: DestinationStream;
}

const SECRET_NAME = /(?:token|secret|password|authorization|api_?key|signature|cookie)$/i;

const SHAPES: readonly (readonly [RegExp, string])[] = [
  // OpenAI keys, webhook secrets, bearer tokens, credentials inside a URL.
  [/\b(?:sk|ek|whsec)[-_][0-9A-Za-z_-]{6,}/g, "[key]"],
  [/\bBearer\s+[0-9A-Za-z._~+/=-]+/gi, "Bearer [key]"],
  [/\bBasic\s+[0-9A-Za-z+/=]{8,}/gi, "Basic [key]"],
  [/(\/\/[^/\s:@]*:)[^@/\s]+@/g, "$1[key]@"],
];

/**
 * A plus (also percent-encoded), then 7 to 15 digits, with the separators that people and carriers
 * write.
 */
const PHONE = /(?:\+|%2B)\d(?:[ ().-]{0,2}\d){6,14}/gi;

/** Masks what looks like a key or a phone number. The last two digits of a number stay. */
export function redact(text: string): string {
  let out = text;
  for (const [shape, replacement] of SHAPES) out = out.replace(shape, replacement);
  return out.replace(PHONE, (number) => `+•••${number.replace(/\D/g, "").slice(-2)}`);
}

/** A Log that writes lines at `level` and above. */
export function createLog(options: LogOptions): Log {
  const output = options.destination ?? standardOutput();
  const destination = options.pretty ? new PrettyStream(output) : output;
  const settings = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return new PinoLog(pino(settings, destination));
}

class PinoLog implements Log {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  child(fields: LogFields): Log {
    return new PinoLog(this.#logger.child(cleanFields(fields)));
  }

  debug(text: string, fields?: LogFields): void {
    if (this.#logger.isLevelEnabled("debug")) this.#logger.debug(cleanFields(fields), redact(text));
  }

  info(text: string, fields?: LogFields): void {
    if (this.#logger.isLevelEnabled("info")) this.#logger.info(cleanFields(fields), redact(text));
  }

  warn(text: string, fields?: LogFields, error?: unknown): void {
    if (this.#logger.isLevelEnabled("warn"))
      this.#logger.warn(withError(fields, error), redact(text));
  }

  error(text: string, fields?: LogFields, error?: unknown): void {
    if (this.#logger.isLevelEnabled("error"))
      this.#logger.error(withError(fields, error), redact(text));
  }
}

type Cleaned = Record<string, unknown>;

function cleanFields(fields: LogFields | undefined): Cleaned {
  const cleaned: Cleaned = {};
  if (fields === undefined) return cleaned;
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value !== "string") cleaned[name] = value;
    else cleaned[name] = SECRET_NAME.test(name) ? "[key]" : redact(value);
  }
  return cleaned;
}

function withError(fields: LogFields | undefined, error: unknown): Cleaned {
  const cleaned = cleanFields(fields);
  if (error !== undefined) cleaned["error"] = describeError(error, 0);
  return cleaned;
}

/** Only these parts are kept: errors of HTTP clients hold whole requests, headers included. */
function describeError(error: unknown, depth: number): Cleaned {
  if (!(error instanceof Error)) return { message: redact(String(error)) };
  const described: Cleaned = { name: error.name, message: redact(error.message) };
  if (error instanceof RelayError) {
    described["code"] = error.code;
    described["retryable"] = error.retryable;
  } else if ("code" in error && typeof error.code === "string") described["code"] = error.code;
  if (error.stack !== undefined) described["stack"] = redact(error.stack);
  if (error.cause !== undefined && depth < 4)
    described["cause"] = describeError(error.cause, depth + 1);
  return described;
}

/** A readable line for each JSON line: time, level, text, fields. For a terminal. */
class PrettyStream implements DestinationStream {
  readonly #out: DestinationStream;

  constructor(out: DestinationStream) {
    this.#out = out;
  }

  write(line: string): void {
    const { time, level, msg, error, ...fields } = parseLine(line);
    const rest = Object.entries(fields).map(
      ([name, value]) => ` ${plain(name)}=${fieldText(value)}`,
    );
    this.#out.write(
      `${plain(time).slice(11, 23)} ${plain(level).padEnd(5)} ${plain(msg)}${rest.join("")}\n`,
    );
    if (isRecord(error)) this.#out.write(indented(String(error["stack"] ?? error["message"])));
  }
}

function parseLine(line: string): Cleaned {
  const parsed: unknown = JSON.parse(line);
  return isRecord(parsed) ? parsed : { msg: line };
}

function isRecord(value: unknown): value is Cleaned {
  return typeof value === "object" && value !== null;
}

/**
 * Characters that move a terminal's cursor, change its colors or the direction of its text, or end
 * a line: C0 and C1 controls, line separators, bidirectional controls. Texts come from callers,
 * models and SIP headers; none of them may write a line of its own or hide one.
 */
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function visible(text: string): string {
  return text.replace(
    CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function plain(value: unknown): string {
  return visible(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
}

/** In quotes where it could pass for several fields. */
function fieldText(value: unknown): string {
  return typeof value === "string" && /[\s"=]/.test(value)
    ? visible(JSON.stringify(value))
    : plain(value);
}

/** Several lines, none of which begins as a line of the log does. */
function indented(text: string): string {
  const lines = text.split("\n").map((line) => `    ${visible(line)}\n`);
  return lines.join("");
}
