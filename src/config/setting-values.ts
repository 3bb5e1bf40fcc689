/**
 * How the text of a setting is read: one zod schema for each kind of value. Messages never repeat the text, because
 * it may be a secret.
 */
import { hostname } from "node:os";
import { z } from "zod";
import { parseDialTarget } from "./agents/dial-target.js";
import { isLoopbackHost } from "./hosts.js";

type TextSchema<T> = z.ZodType<T, string>;

/** A whole number in a range, both ends included. */
export const whole = (min: number, max: number): TextSchema<number> =>
  z
    .string()
    .regex(/^-?\d{1,15}$/, "is not a whole number")
    .transform(Number)
    .pipe(z.number().min(min, `is below ${min}`).max(max, `is above ${max}`));

/** A duration in ms that holds whole Twilio frames of 20 ms. */
export const frames = (min: number, max: number): TextSchema<number> =>
  whole(min, max).refine((ms) => ms % 20 === 0, "is not a multiple of 20 ms, one Twilio frame");

/** A number in a range, both ends included; it may have a fraction. */
export const decimal = (min: number, max: number): TextSchema<number> =>
  z
    .string()
    .regex(/^-?\d{1,15}(?:\.\d{1,6})?$/, "is not a number")
    .transform(Number)
    .pipe(z.number().min(min, `is below ${min}`).max(max, `is above ${max}`));

/** Of a server inside the own network, so that http:// is allowed. A final slash is dropped. */
export const httpUrl: TextSchema<string> = z
  .string()
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
    return isHttp && url.username === "" && url.search === "" && url.hash === "";
  }, "is not an http:// or https:// address")
  .transform((text) => text.replace(/\/+$/, ""));

export const flag: TextSchema<boolean> = z
  .string()
  .regex(/^(true|false|1|0|yes|no)$/i, "is neither true nor false")
  .transform((text) => /^(true|1|yes)$/i.test(text));

export const text = (max = 500): TextSchema<string> =>
  z
    .string()
    .max(max, `is longer than ${max} characters`)
    .refine((value) => !hasControl(value), "contains a control character");

/** Becomes part of an HTTP header or a password, where white space is always a mistake in copying. */
export const secretText: TextSchema<string> = z
  .string()
  .max(4096, "is longer than 4096 characters")
  .regex(/^[\x21-\x7e]+$/, "contains white space or a character that is not ASCII");

function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

interface UrlRule {
  readonly secure: "https" | "wss";
  /** {node} and {worker} are allowed. */
  readonly placeholders?: boolean;
  /** Scheme, host and port only. */
  readonly originOnly?: boolean;
}

/**
 * An absolute URL without user, query or fragment. Its plain-text form is allowed only to this machine. Scheme and
 * host become lower case, a default port and a final slash are dropped.
 */
export function url(rule: UrlRule): TextSchema<string> {
  return z
    .string()
    .superRefine((value, context) => {
      const problem = urlProblem(value, rule);
      if (problem !== null) context.addIssue({ code: "custom", message: problem });
    })
    .transform((value) =>
      value
        .replace(/^[^:]+:\/\/[^/]*/, (start) => start.toLowerCase())
        .replace(/^((?:https|wss):\/\/[^/]*):443(?=\/|$)/, "$1")
        .replace(/\/+$/, ""),
    );
}

function urlProblem(value: string, rule: UrlRule): string | null {
  const { secure, placeholders = false } = rule;
  if (/\s/.test(value) || hasControl(value)) return "contains white space";
  const probe = placeholders ? value.replaceAll("{node}", "n").replaceAll("{worker}", "0") : value;
  if (/[{}]/.test(probe))
    return placeholders ? "contains a brace other than {node} and {worker}" : "contains a brace";
  // Without this check the host of relay.example.com:8080 would be read as a scheme.
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(probe)) return `must begin with ${secure}://`;
  if (!URL.canParse(probe)) return "is not an absolute URL";
  const parsed = new URL(probe);
  return schemeProblem(parsed, secure) ?? partsProblem(parsed, value, rule.originOnly === true);
}

function schemeProblem(parsed: URL, secure: "https" | "wss"): string | null {
  const plain = secure === "https" ? "http" : "ws";
  const scheme = parsed.protocol.slice(0, -1);
  if (scheme !== secure && scheme !== plain) {
    const swapped = (secure === "https" ? /^wss?$/ : /^https?$/).test(scheme);
    return `must begin with ${secure}://${swapped ? `: write ${secure}:// in place of ${scheme}://` : ""}`;
  }
  if (scheme === plain && !isLoopbackHost(parsed.hostname))
    return `is not encrypted: ${plain}:// is allowed only to this machine (127.0.0.1, ::1, localhost)`;
  return null;
}

function partsProblem(parsed: URL, value: string, originOnly: boolean): string | null {
  const rest = originOnly ? ": give only scheme and host" : "";
  if (parsed.username !== "" || parsed.password !== "")
    return `contains a user name or password${rest}`;
  if (value.includes("?")) return `contains a query string${rest}`;
  if (value.includes("#")) return `contains a fragment (#)${rest}`;
  // The relay appends its own paths, and Twilio's signatures are checked against the result.
  if (originOnly && parsed.pathname !== "/") return `contains a path${rest}`;
  return null;
}

/** A forward proxy; it may hold a user name and a password. */
export const proxyUrl: TextSchema<string> = z
  .string()
  .superRefine((value, context) => {
    const parsed = URL.canParse(value) ? new URL(value) : null;
    const known = parsed?.protocol === "http:" || parsed?.protocol === "https:";
    const rest = parsed === null ? "" : parsed.pathname + parsed.search + parsed.hash;
    if (!known) context.addIssue({ code: "custom", message: "is neither http://… nor https://…" });
    else if (rest !== "/")
      context.addIssue({ code: "custom", message: "has a path: give only scheme, host and port" });
  })
  .transform((value) => value.replace(/\/+$/, ""));

/** Hosts that are reached without the proxy, as curl writes them. */
export const proxyExceptions: TextSchema<string> = z
  .string()
  .max(4096, "is longer than 4096 characters")
  .regex(
    /^[0-9A-Za-z.*:_[\]/, -]*$/,
    "is not a list of hosts, separated by commas, such as localhost,.internal.example",
  );

export const databaseUrl: TextSchema<string> = z.string().superRefine((value, context) => {
  if (value.startsWith("sqlite:")) {
    if (value.length > "sqlite:".length && !hasControl(value)) return;
    context.addIssue({ code: "custom", message: "names no file after sqlite:" });
    return;
  }
  const parsed = URL.canParse(value) ? new URL(value) : null;
  if (parsed?.protocol === "postgres:" || parsed?.protocol === "postgresql:") return;
  context.addIssue({ code: "custom", message: "is neither sqlite:<file> nor postgres://…" });
});

export const host: TextSchema<string> = z
  .string()
  .regex(/^[0-9A-Za-z.:_[\]-]{1,253}$/, "is not a host name or address");

/** May stand in a host name and in a path: MEDIA_URL puts it into both. */
export const nodeName: TextSchema<string> = z
  .string()
  .regex(
    /^[0-9A-Za-z](?:[0-9A-Za-z._-]{0,61}[0-9A-Za-z])?$/,
    "is not 1–63 letters, digits, dots, dashes or underscores",
  );

export const workers: TextSchema<number | "auto"> = z.union([z.literal("auto"), whole(1, 256)], {
  error: "is neither auto nor a whole number from 1 to 256",
});

export const dialTarget: TextSchema<string> = z.string().superRefine((value, context) => {
  const target = parseDialTarget(value, null);
  if (typeof target === "string") context.addIssue({ code: "custom", message: target });
});

/** A Twilio SID. Twilio writes hex digits; tests and other implementations may not. */
export const sid = (prefix: "AC" | "AP" | "SK"): TextSchema<string> =>
  z.string().regex(new RegExp(`^${prefix}[0-9A-Za-z]{1,62}$`), `does not begin with ${prefix}`);

export const projectId: TextSchema<string> = z
  .string()
  .regex(/^[0-9A-Za-z_-]{1,100}$/, "is not a project id");

export const traceSampler: TextSchema<string> = z
  .string()
  .regex(
    /^(?:parentbased_)?(?:always_on|always_off|traceidratio)$/,
    "is no sampler of OpenTelemetry's that the relay knows",
  );

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

export const logLevel: TextSchema<(typeof LOG_LEVELS)[number]> = z.enum(LOG_LEVELS, {
  error: `is none of ${LOG_LEVELS.join(", ")}`,
}) as TextSchema<(typeof LOG_LEVELS)[number]>;

/** The host name, reduced to what NODE_NAME allows. */
export function defaultNodeName(): string {
  const name = hostname()
    .replace(/[^0-9A-Za-z._-]/g, "-")
    .slice(0, 63)
    .replace(/^[._-]+|[._-]+$/g, "");
  return name === "" ? "node" : name;
}
