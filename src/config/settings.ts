/**
 * Every setting, declared once: its name in the environment, how its text is read, default, unit, range and
 * meaning. `config.ts` loads them, `docs/config.md` and `--print-config` are printed from them.
 */
import { hostname } from "node:os";
import { z } from "zod";
import { parseDialTarget } from "./agents/dial-target.js";

export type SettingGroup =
  | "Listeners"
  | "OpenAI"
  | "Twilio"
  | "Agents and records"
  | "Calls"
  | "Audio"
  | "Log";

export interface Setting<T> {
  readonly name: string;
  readonly group: SettingGroup;
  /** Reads the text of the environment; its first issue is what the operator is told. */
  readonly schema: z.ZodType<T, string>;
  /** As it would be written in the environment; null = none. */
  readonly default: string | null;
  readonly required: boolean;
  /** Never printed; may also come from a file named by `<NAME>_FILE`. */
  readonly secret: boolean;
  /** What is allowed, in words. */
  readonly range: string;
  readonly doc: string;
  /** What to write, for somebody who has nothing yet. */
  readonly example: string;
}

interface Declaration<T> {
  readonly name: string;
  readonly group: SettingGroup;
  readonly schema: z.ZodType<T, string>;
  readonly secret?: boolean;
  readonly range: string;
  readonly doc: string;
  readonly example?: string;
}

function defaulted<T>(text: string, declaration: Declaration<T>): Setting<T> {
  return { secret: false, example: text, ...declaration, default: text, required: false };
}

function required<T>(declaration: Declaration<T> & { readonly example: string }): Setting<T> {
  return { secret: false, ...declaration, default: null, required: true };
}

function optional<T>(
  declaration: Declaration<T> & { readonly example: string },
): Setting<T | null> {
  return { secret: false, ...declaration, default: null, required: false };
}

/** True for names and addresses that never leave this machine. `[::1]` as in a URL and `::1` alike. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  return bare === "localhost" || bare === "::1" || /^127(?:\.\d{1,3}){3}$/.test(bare);
}

const whole = (min: number, max: number): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^-?\d{1,15}$/, "is not a whole number")
    .transform(Number)
    .pipe(z.number().min(min, `is below ${min}`).max(max, `is above ${max}`));

/** A duration in ms that must hold whole Twilio frames (20 ms each). */
const frames = (min: number, max: number): z.ZodType<number, string> =>
  whole(min, max).refine((ms) => ms % 20 === 0, "is not a multiple of 20 ms, one Twilio frame");

const flag: z.ZodType<boolean, string> = z
  .string()
  .regex(/^(true|false|1|0|yes|no)$/i, "is neither true nor false")
  .transform((text) => /^(true|1|yes)$/i.test(text));

const text = (max = 500): z.ZodType<string, string> =>
  z
    .string()
    .max(max, `is longer than ${max} characters`)
    .refine((value) => !hasControl(value), "holds a control character");

/** Goes into an HTTP header or a password, where white space is always a slip of the clipboard. */
const secretText: z.ZodType<string, string> = z
  .string()
  .max(4096, "is longer than 4096 characters")
  .regex(/^[\x21-\x7e]+$/, "holds white space or a character that is not ASCII");

function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

interface UrlRule {
  readonly secure: "https" | "wss";
  readonly placeholders?: boolean;
}

/** An absolute URL without user, query or fragment; its plain-text form only to this machine. No final slash is kept. */
function url({ secure, placeholders = false }: UrlRule): z.ZodType<string, string> {
  const plain = secure === "https" ? "http" : "ws";
  return z
    .string()
    .superRefine((value, context) => {
      const problem = urlProblem(value, secure, plain, placeholders);
      if (problem !== null) context.addIssue({ code: "custom", message: problem });
    })
    .transform((value) => value.replace(/\/+$/, ""));
}

function urlProblem(
  value: string,
  secure: string,
  plain: string,
  placeholders: boolean,
): string | null {
  if (/\s/.test(value) || hasControl(value)) return "holds white space";
  const probe = placeholders ? value.replaceAll("{node}", "n").replaceAll("{worker}", "0") : value;
  if (/[{}]/.test(probe)) return placeholders ? "knows only {node} and {worker}" : "holds a brace";
  if (!URL.canParse(probe)) return "is not an absolute URL";
  const parsed = new URL(probe);
  const scheme = parsed.protocol.slice(0, -1);
  if (scheme !== secure && scheme !== plain) return `must begin with ${secure}://`;
  if (scheme === plain && !isLoopbackHost(parsed.hostname))
    return `is not encrypted: ${plain}:// is allowed only to this machine (127.0.0.1, ::1, localhost)`;
  if (parsed.username !== "" || parsed.password !== "") return "holds a user name or password";
  if (parsed.search !== "" || value.includes("?")) return "holds a query string";
  if (parsed.hash !== "" || value.includes("#")) return "holds a fragment";
  return null;
}

const databaseUrl: z.ZodType<string, string> = z.string().superRefine((value, context) => {
  if (value.startsWith("sqlite:")) {
    if (value.length > "sqlite:".length && !hasControl(value)) return;
    context.addIssue({ code: "custom", message: "names no file after sqlite:" });
    return;
  }
  const parsed = URL.canParse(value) ? new URL(value) : null;
  if (parsed?.protocol === "postgres:" || parsed?.protocol === "postgresql:") return;
  context.addIssue({ code: "custom", message: "is neither sqlite:<file> nor postgres://…" });
});

const host: z.ZodType<string, string> = z
  .string()
  .regex(/^[0-9A-Za-z.:_[\]-]{1,253}$/, "is not a host name or address");

/** May stand in a host name and in a path: MEDIA_URL puts it into both. */
const nodeName: z.ZodType<string, string> = z
  .string()
  .regex(
    /^[0-9A-Za-z](?:[0-9A-Za-z._-]{0,61}[0-9A-Za-z])?$/,
    "is not 1–63 letters, digits, dots, dashes or underscores",
  );

const workers: z.ZodType<number | "auto", string> = z.union([z.literal("auto"), whole(1, 256)], {
  error: "is neither auto nor a whole number from 1 to 256",
});

const dialTarget: z.ZodType<string, string> = z.string().superRefine((value, context) => {
  const target = parseDialTarget(value, null);
  if (typeof target === "string") context.addIssue({ code: "custom", message: target });
});

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** The host name, cut down to what NODE_NAME allows. */
function defaultNodeName(): string {
  const name = hostname()
    .replace(/[^0-9A-Za-z._-]/g, "-")
    .slice(0, 63)
    .replace(/^[._-]+|[._-]+$/g, "");
  return name === "" ? "node" : name;
}

export const SETTINGS = {
  host: defaulted("0.0.0.0", {
    name: "HOST",
    group: "Listeners",
    schema: host,
    range: "host name or address",
    doc: "Public listener. Twilio and OpenAI reach only this one.",
  }),
  port: defaulted("8080", {
    name: "PORT",
    group: "Listeners",
    schema: whole(0, 65535),
    range: "0–65535; 0 takes a free port",
    doc: "Port of the public listener. Worker n also listens on PORT+1+n when there are several.",
  }),
  publicUrl: optional({
    name: "PUBLIC_URL",
    group: "Listeners",
    schema: url({ secure: "https" }),
    range: "https://…; http:// only to this machine",
    doc: "The public listener as Twilio sees it: stands in TwiML and is what signatures are checked against. Required unless HOST is loopback, where it defaults to http://HOST:PORT.",
    example: "https://relay.example.com",
  }),
  mediaUrl: optional({
    name: "MEDIA_URL",
    group: "Listeners",
    schema: url({ secure: "wss", placeholders: true }),
    range: "wss://…; ws:// only to this machine; may hold {node} and {worker}",
    doc: "The address in `<Stream url>`. Default: PUBLIC_URL as wss:// with /media-stream. The placeholders let a balancer route a stream to the process that answered the webhook.",
    example: "wss://relay.example.com/media-stream",
  }),
  nodeName: defaulted(defaultNodeName(), {
    name: "NODE_NAME",
    group: "Listeners",
    schema: nodeName,
    range: "1–63 letters, digits, dots, dashes, underscores",
    doc: "This node's name in records and in MEDIA_URL. Default: the host name.",
    example: "relay-1",
  }),
  workers: defaulted("1", {
    name: "WORKERS",
    group: "Listeners",
    schema: workers,
    range: "1–256, or auto = one per core",
    doc: "Relay processes on this machine.",
  }),
  adminHost: defaulted("127.0.0.1", {
    name: "ADMIN_HOST",
    group: "Listeners",
    schema: host,
    range: "host name or address",
    doc: "Operator listener: metrics, readiness, console, API. Never put it on the public side.",
  }),
  adminPort: defaulted("9464", {
    name: "ADMIN_PORT",
    group: "Listeners",
    schema: whole(0, 65535),
    range: "0–65535; 0 takes a free port",
    doc: "Port of the operator listener.",
  }),
  adminToken: optional({
    name: "ADMIN_TOKEN",
    group: "Listeners",
    schema: secretText,
    secret: true,
    range: "printable ASCII",
    doc: "Bearer token of /api/* and the console. Required when ADMIN_HOST is not loopback.",
    example: "a long random text, e.g. from: openssl rand -hex 32",
  }),
  openaiApiKey: required({
    name: "OPENAI_API_KEY",
    group: "OpenAI",
    schema: secretText,
    secret: true,
    range: "printable ASCII",
    doc: "Sent to the model only.",
    example: "sk-…",
  }),
  openaiRealtimeUrl: defaulted("wss://api.openai.com/v1/realtime", {
    name: "OPENAI_REALTIME_URL",
    group: "OpenAI",
    schema: url({ secure: "wss" }),
    range: "wss://…; ws:// only to this machine",
    doc: "The model's socket.",
  }),
  openaiBaseUrl: defaulted("https://api.openai.com/v1", {
    name: "OPENAI_BASE_URL",
    group: "OpenAI",
    schema: url({ secure: "https" }),
    range: "https://…; http:// only to this machine",
    doc: "OpenAI's REST: SIP calls, transcriptions.",
  }),
  openaiRealtimeModel: defaulted("gpt-realtime-2.1", {
    name: "OPENAI_REALTIME_MODEL",
    group: "OpenAI",
    schema: text(100),
    range: "a model name",
    doc: "Model of an agent that names none.",
  }),
  openaiWebhookSecret: optional({
    name: "OPENAI_WEBHOOK_SECRET",
    group: "OpenAI",
    schema: secretText,
    secret: true,
    range: "printable ASCII",
    doc: "Checks OpenAI's webhooks (SIP path). The webhook answers 404 while unset.",
    example: "whsec_…",
  }),
  openaiProjectId: optional({
    name: "OPENAI_PROJECT_ID",
    group: "OpenAI",
    schema: z.string().regex(/^[0-9A-Za-z_-]{1,100}$/, "is not a project id"),
    range: "a project id",
    doc: "The project whose SIP address calls are dialled to (SIP path).",
    example: "proj_…",
  }),
  twilioAccountSid: required({
    name: "TWILIO_ACCOUNT_SID",
    group: "Twilio",
    schema: z.string().regex(/^AC[0-9A-Za-z]{1,62}$/, "does not begin with AC"),
    range: "AC + 32 hex digits",
    doc: "The account whose calls arrive here.",
    example: "AC00000000000000000000000000000000",
  }),
  twilioAuthToken: required({
    name: "TWILIO_AUTH_TOKEN",
    group: "Twilio",
    schema: secretText,
    secret: true,
    range: "printable ASCII",
    doc: "Checks signatures; also REST, unless an API key is given.",
    example: "the account's primary auth token",
  }),
  twilioAuthTokenSecondary: optional({
    name: "TWILIO_AUTH_TOKEN_SECONDARY",
    group: "Twilio",
    schema: secretText,
    secret: true,
    range: "printable ASCII",
    doc: "A second token whose signatures are also accepted: set it while you rotate.",
    example: "the token that is about to become primary",
  }),
  twilioApiKey: optional({
    name: "TWILIO_API_KEY",
    group: "Twilio",
    schema: z.string().regex(/^SK[0-9A-Za-z]{1,62}$/, "does not begin with SK"),
    range: "SK + 32 hex digits",
    doc: "With TWILIO_API_SECRET, replaces the auth token for REST.",
    example: "SK00000000000000000000000000000000",
  }),
  twilioApiSecret: optional({
    name: "TWILIO_API_SECRET",
    group: "Twilio",
    schema: secretText,
    secret: true,
    range: "printable ASCII",
    doc: "The secret of TWILIO_API_KEY.",
    example: "the API key's secret",
  }),
  twilioApiBaseUrl: defaulted("https://api.twilio.com", {
    name: "TWILIO_API_BASE_URL",
    group: "Twilio",
    schema: url({ secure: "https" }),
    range: "https://…; http:// only to this machine",
    doc: "REST base. TaskRouter and the other products follow it. For a region, its own host: https://api.dublin.ie1.twilio.com (TWILIO_EDGE and TWILIO_REGION are not read).",
  }),
  twilioValidate: defaulted("true", {
    name: "TWILIO_VALIDATE",
    group: "Twilio",
    schema: flag,
    range: "true or false",
    doc: "Checks X-Twilio-Signature. false only while HOST is loopback, else refused at start.",
  }),
  agentsFile: defaulted("agents.yaml", {
    name: "AGENTS_FILE",
    group: "Agents and records",
    schema: text(4096),
    range: "a path",
    doc: "Who answers, and how: see docs/agents.md.",
  }),
  databaseUrl: defaulted("sqlite:data/murelay.db", {
    name: "DATABASE_URL",
    group: "Agents and records",
    schema: databaseUrl,
    secret: true,
    range: "sqlite:<file> or postgres://…",
    doc: "Call records, one-shot tokens, outbox. PostgreSQL is shared by several nodes.",
  }),
  recordingsDir: defaulted("data/recordings", {
    name: "RECORDINGS_DIR",
    group: "Agents and records",
    schema: text(4096),
    range: "a path",
    doc: "Flight recordings and downloaded recordings.",
  }),
  humanAgentNumber: optional({
    name: "HUMAN_AGENT_NUMBER",
    group: "Agents and records",
    schema: dialTarget,
    range: "E.164 number, sip: URI or client: name",
    doc: "Transfer destination of agents whose entry in the agents file names none.",
    example: "+15551112222",
  }),
  prewarm: defaulted("true", {
    name: "PREWARM",
    group: "Calls",
    schema: flag,
    range: "true or false",
    doc: "Opens the model session when the voice webhook arrives, not when the stream starts.",
  }),
  maxCalls: defaulted("500", {
    name: "MAX_CALLS",
    group: "Calls",
    schema: whole(1, 10_000),
    range: "1–10,000 calls, per worker",
    doc: "Above it new callers are taken to the agent's overflow destination.",
  }),
  overloadPercent: defaulted("95", {
    name: "OVERLOAD_PERCENT",
    group: "Calls",
    schema: whole(10, 100),
    range: "10–100 %; 100 = never",
    doc: "Above this share of busy time (event loop of the worker, over 10 s) new callers overflow, as above MAX_CALLS.",
  }),
  maxCallMinutes: defaulted("55", {
    name: "MAX_CALL_MINUTES",
    group: "Calls",
    schema: whole(1, 240),
    range: "1–240 minutes",
    doc: "Then the caller is told, and transferred or hung up, as the agent says.",
  }),
  drainSeconds: defaulted("300", {
    name: "DRAIN_SECONDS",
    group: "Calls",
    schema: whole(0, 86_400),
    range: "0–86,400 s",
    doc: "How long running calls may go on after SIGTERM.",
  }),
  upstreamTimeoutMs: defaulted("3000", {
    name: "UPSTREAM_TIMEOUT_MS",
    group: "Calls",
    schema: whole(100, 60_000),
    range: "100–60,000 ms",
    doc: "From dialling the model to a configured session; one retry inside twice that.",
  }),
  playoutLeadMs: defaulted("160", {
    name: "PLAYOUT_LEAD_MS",
    group: "Audio",
    schema: frames(40, 5000),
    range: "40–5,000 ms, whole frames of 20 ms",
    doc: "Most audio kept un-played on Twilio's side. Less reacts faster, more rides out slower networks.",
  }),
  uplinkPtimeMs: defaulted("20", {
    name: "UPLINK_PTIME_MS",
    group: "Audio",
    schema: frames(20, 200),
    range: "20–200 ms, whole frames of 20 ms",
    doc: "Caller audio per append while somebody talks.",
  }),
  uplinkIdlePtimeMs: defaulted("100", {
    name: "UPLINK_IDLE_PTIME_MS",
    group: "Audio",
    schema: frames(20, 500),
    range: "UPLINK_PTIME_MS–500 ms, whole frames of 20 ms",
    doc: "The same while nobody talks; equal to UPLINK_PTIME_MS = off.",
  }),
  logLevel: defaulted("info", {
    name: "LOG_LEVEL",
    group: "Log",
    schema: z.enum(LOG_LEVELS, { error: `is none of ${LOG_LEVELS.join(", ")}` }),
    range: LOG_LEVELS.join(", "),
    doc: "Least severe line that is written.",
  }),
  logPretty: defaulted("false", {
    name: "LOG_PRETTY",
    group: "Log",
    schema: flag,
    range: "true or false",
    doc: "Lines for people instead of JSON on stdout.",
  }),
} as const;

export type SettingKey = keyof typeof SETTINGS;

/** What each setting's text became. */
export type SettingValues = {
  readonly [K in SettingKey]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never;
};
