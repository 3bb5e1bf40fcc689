/**
 * The schema of the agents file. `agents.schema.json`, which editors read, is generated from it. Rules that involve
 * several values of the file are in `checks.ts`.
 */
import { z } from "zod";
import { slowText } from "../../adapters/system/slow-pattern.js";
import { TOOL_TIMEOUT } from "../../tools/tool.js";
import { isLanguageTag, isTimeZone } from "../locale.js";
import { didYouMean } from "../nearest.js";
import { destinationSchema } from "./destination-entry.js";
import { limits, outbound } from "./limits-schema.js";

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const name = z
  .string()
  .regex(
    NAME,
    "is not 1–64 letters, digits, dashes or underscores, beginning with a letter or digit",
  );

/** The Realtime API limits the names of functions to 64 characters. */
const toolName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "is not 1–64 letters, digits, dashes or underscores");

const LANGUAGE = /^[A-Za-z]{2,3}(?:-[0-9A-Za-z]{2,8})*$/;
const language = z
  .string()
  .regex(LANGUAGE, "is not a language tag such as en or en-US")
  .refine((tag) => !LANGUAGE.test(tag) || isLanguageTag(tag), "is not a language tag: see BCP 47");

const path = z.string().min(1, "is empty").max(4096);
const prompt = z.string().min(1, "is empty").max(64_000);
const spoken = z.string().min(1, "is empty").max(4000);

const serverVad = z.strictObject({
  type: z.literal("server_vad"),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe("0–1; a higher value needs louder speech"),
  prefix_padding_ms: z.int().min(0).max(5000).default(300),
  silence_duration_ms: z.int().min(0).max(10_000).default(500),
  idle_timeout_ms: z.int().min(5000).max(30_000).nullable().default(null),
  create_response: z.boolean().default(true),
  interrupt_response: z
    .boolean()
    .default(true)
    .describe("false: the relay cancels the response when the caller speaks, not the server"),
});
const semanticVad = z.strictObject({
  type: z.literal("semantic_vad"),
  eagerness: z.enum(["low", "medium", "high", "auto"]).default("auto"),
  create_response: z.boolean().default(true),
  interrupt_response: z
    .boolean()
    .default(true)
    .describe("false: the relay cancels the response when the caller speaks, not the server"),
});

const vad = z.strictObject({
  local_barge_in: z
    .boolean()
    .default(true)
    .describe("Pause playout as soon as the caller is heard, before the model confirms"),
  confirm_ms: z
    .int()
    .min(100)
    .max(5000)
    .default(400)
    .describe("Continue playout if the model has not confirmed the interruption within this time"),
  adapt: z.boolean().default(true).describe("Tune server_vad to the line's noise"),
  greeting_protection_ms: z
    .int()
    .min(0)
    .max(30_000)
    .default(0)
    .describe("The caller cannot interrupt the first this many ms of the greeting"),
});

const transcription = z.strictObject({
  model: z.string().min(1).default("gpt-live-transcribe"),
  language: language.nullable().default(null).describe("null: detected"),
});

const recording = z.strictObject({
  enabled: z.boolean().default(false),
  channels: z.enum(["dual", "mono"]).default("dual"),
  transcribe: z
    .strictObject({
      model: z.string().min(1).default("whisper-1"),
      words: z.boolean().default(true),
    })
    .nullable()
    .default(null)
    .describe("null: off"),
});

const transfer = z.strictObject({
  default: z
    .string()
    .nullable()
    .optional()
    .describe("For key 0, “a human”, overflow and fallback. Left out: the first destination"),
  key: z
    .string("is not text: put the key in quotes")
    .regex(/^[0-9*#]$/, "is not one key: 0–9, * or #")
    .nullable()
    .default("0")
    .describe("Key that reaches the default destination without the model; null: off"),
  caller_id: z
    .string()
    .regex(/^\+[1-9]\d{6,14}$/, "is not an E.164 number")
    .nullable()
    .default(null)
    .describe("Shown to the human; null: the caller's own number, where they have one"),
  max_per_call: z
    .int()
    .min(1)
    .max(20)
    .default(3)
    .describe("Transfers that the agent may begin in one call; the key is never refused"),
  destinations: z.record(name, destinationSchema).default({}),
});

const session = z.strictObject({
  reasoning: z
    .strictObject({ effort: z.enum(["minimal", "low", "medium", "high", "xhigh"]) })
    .nullable()
    .default(null)
    .describe("Reasoning models only"),
  speed: z
    .number()
    .min(0.25)
    .max(1.5)
    .nullable()
    .default(null)
    .describe("Pace of speech; 1 is the voice's own"),
  max_output_tokens: z
    .union([z.int().min(1).max(4096), z.literal("inf")], {
      error: 'is neither a whole number from 1 to 4096 nor "inf"',
    })
    .nullable()
    .default(null)
    .describe("Tokens of one response; a low limit cuts speech off"),
  parallel_tool_calls: z.boolean().nullable().default(null).describe("Reasoning models only"),
  truncation: z
    .union(
      [
        z.enum(["auto", "disabled"]),
        z.strictObject({
          type: z.literal("retention_ratio"),
          retention_ratio: z.number().min(0).max(1),
          token_limits: z.strictObject({ post_instructions: z.int().min(1) }).optional(),
        }),
      ],
      { error: "is neither auto nor disabled nor {type: retention_ratio, retention_ratio: 0–1}" },
    )
    .nullable()
    .default(null)
    .describe("What the model forgets once the conversation is longer than its context"),
});

const timeZone = z.string("is not text").superRefine((zone, context) => {
  if (!isTimeZone(zone))
    context.addIssue({
      code: "custom",
      message: `is no IANA time zone such as America/New_York${didYouMean(zone, Intl.supportedValuesOf("timeZone"))}`,
    });
});

export const agentSchema = z
  .strictObject({
    model: z.string().min(1).optional(),
    voice: z.string().min(1).max(128).default("marin"),
    instructions: prompt
      .optional()
      .describe(
        "As greeting and say, may hold {{date}} {{time}} {{weekday}} {{caller_number}} {{caller.FIELD}}",
      ),
    greeting: spoken
      .nullable()
      .default(null)
      .describe("Spoken first by the agent; null: it waits for the caller"),
    say: spoken.nullable().default(null).describe("Optional <Say> before the stream"),
    time_zone: timeZone
      .nullable()
      .default("UTC")
      .describe("IANA name. The session is told date, weekday and time there; null: it is not"),
    tell_caller_number: z
      .boolean()
      .default(true)
      .describe("Whether the session is told the caller's number"),
    session: session
      .prefault({})
      .describe("Passed on to the model; what is left out has the model's own default"),
    reply_timeout_ms: z
      .int()
      .min(1000)
      .max(8000)
      .default(4000)
      .describe("How long the caller may wait for a reply in silence"),
    language: language.optional().describe("First language of the agent, also of <Say>"),
    languages: z
      .record(
        language,
        z.strictObject({
          voice: z.string().min(1).nullable().default(null),
          instructions: prompt.nullable().default(null),
        }),
      )
      .default({})
      .describe("Switched by the tool set_language"),
    turn_detection: z
      .discriminatedUnion("type", [serverVad, semanticVad])
      .prefault({ type: "server_vad" }),
    noise_reduction: z.enum(["near_field", "far_field"]).nullable().default(null),
    vad: vad.prefault({}),
    transcription: transcription.nullable().prefault({}).describe("null: off"),
    recording: recording.prefault({}),
    record: z
      .boolean()
      .default(false)
      .describe("Flight recorder: keep every message of the agent's calls"),
    tools: z.array(toolName).default([]),
    transfer: transfer.prefault({}),
    limits: limits.prefault({}),
    apology: spoken
      .default("We are sorry, we are having technical trouble.")
      .describe("Spoken by Twilio when the model cannot speak"),
  })
  .meta({ id: "agent" });

const headers = z
  .record(
    z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, "is not a header name"),
    z
      .string()
      .max(8192)
      .regex(/^[\x20-\x7e]*$/, "contains a line break or a character that is not ASCII"),
  )
  .default({})
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is an example of what to write
  .describe("Values may contain ${NAME}, from the environment or the file that NAME_FILE names");

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
const hosts = z
  .array(z.string().regex(/^[0-9A-Za-z.:_-]{1,253}$/, "is not a host name or address"))
  .default([]);
const timeoutMs = z.int().min(TOOL_TIMEOUT.min).max(TOOL_TIMEOUT.max);

const http = z.strictObject({
  method: z.enum(METHODS).default("POST"),
  url: z.string().min(1).max(2048).describe("May contain {argument} placeholders after the host"),
  headers,
  timeout_ms: timeoutMs.default(3000),
  max_response_bytes: z.int().min(1).max(1_048_576).default(65_536),
  allow_private_hosts: hosts.describe("Hosts that may resolve to private addresses"),
  idempotent: z
    .boolean()
    .default(false)
    .describe("POST and PATCH may be retried once, as the other methods are"),
});

export const SOURCES = ["http", "module", "mcp"] as const;

export const toolSchema = z
  .strictObject({
    description: z.string().max(1024).default("").describe("Shown to the model"),
    parameters: z
      .looseObject({ type: z.literal("object") })
      .default({ type: "object", properties: {}, additionalProperties: false })
      .describe("JSON Schema of the arguments"),
    http: http.optional(),
    module: path
      .regex(/\.[cm]?[jt]s$/, "is not a .ts, .mts, .js or .mjs file")
      .optional()
      .describe(
        "TypeScript or JavaScript file that exports defineTool({…}), relative to this file",
      ),
    mcp: z
      .looseObject({ server_label: z.string().min(1) })
      .optional()
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is an example of what to write
      .describe("Passed on to the model as it is; texts may contain ${NAME}"),
    timeout_ms: timeoutMs.optional(),
    say_while_waiting: spoken
      .nullable()
      .default(null)
      .describe("Spoken if the answer takes longer than 700 ms"),
  })
  .meta({ id: "tool", description: "Exactly one of http, module, mcp" });

const endpoint = (milliseconds: number, method: (typeof METHODS)[number]) =>
  z.strictObject({
    method: z.enum(METHODS).default(method),
    url: z
      .string()
      .min(1)
      .max(2048)
      .describe("May contain {from}, {to} and {callSid} after the host"),
    headers,
    timeout_ms: timeoutMs.default(milliseconds),
    allow_private_hosts: hosts,
  });

export const crmSchema = z.strictObject({
  caller_lookup: endpoint(800, "GET").optional(),
  escalation: endpoint(3000, "POST").optional(),
  call_completed: endpoint(5000, "POST").optional(),
});

const days = z.int().min(1).max(36_500).nullable().default(null);

const calledNumber = z
  .string()
  .regex(
    /^(?:\*|\+[1-9]\d{6,14}|(?:sips?|client):[^\s]{1,250})$/,
    'is not an E.164 number in quotes ("+15550001111"), a sip: or client: address, or "*"',
  );

/** The whole file. Agents and tools are checked one by one, so that the fault of one does not hide that of another. */
export const fileSchema = z.strictObject({
  $schema: z.string().optional().describe("For editors, in a JSON file"),
  defaults: agentSchema
    .optional()
    .describe("Settings of every agent; an agent's own key replaces them"),
  agents: z.record(name, agentSchema),
  numbers: z
    .record(calledNumber, z.string())
    .optional()
    .describe('Called number → agent; "*" for every other number. A single agent needs no entry'),
  tools: z.record(toolName, toolSchema).default({}),
  sip_hosts: hosts.optional().describe("The only hosts that sip: destinations may name"),
  crm: crmSchema.optional(),
  outbound: outbound.prefault({}).describe("Limits of calls that the relay places"),
  redact: z
    .strictObject({
      card_numbers: z.boolean().default(false),
      patterns: z.array(z.string().min(1).max(1000).superRefine(compiles)).default([]),
    })
    .optional()
    .describe("Removed from records before they are stored"),
  retention: z
    .strictObject({ records_days: days, recordings_days: days, audit_days: days })
    .optional(),
  pricing: path.optional().describe("Price list that replaces the shipped one"),
});

/** As `records/redact.ts` uses them. */
const REDACT_FLAGS = "giu";

function compiles(source: string, context: z.RefinementCtx): void {
  try {
    new RegExp(source, REDACT_FLAGS);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    context.addIssue({ code: "custom", message: `is not a regular expression: ${why}` });
    return;
  }
  const text = slowText(source, REDACT_FLAGS);
  if (text === null) return;
  const message =
    `takes too long on a text such as ${JSON.stringify(text)}: in a group that is repeated, ` +
    "repeat nothing, or nothing that also fits what follows it";
  context.addIssue({ code: "custom", message });
}

export type AgentInput = z.output<typeof agentSchema>;
export type ToolInput = z.output<typeof toolSchema>;
export type FileInput = z.output<typeof fileSchema>;
export type EndpointInput = NonNullable<z.output<typeof crmSchema>["caller_lookup"]>;

/** JSON Schema, draft 7 (what editors know), of what may be written. */
export function agentsJsonSchema(): Record<string, unknown> {
  return {
    title: "murelay agents file",
    ...z.toJSONSchema(fileSchema, { io: "input", target: "draft-7" }),
  };
}
