/**
 * Turns the checked agents file into the types of `domain/`: names in camelCase, defaults filled in.
 */
import { dirname, resolve } from "node:path";
import type { EnvLookup } from "../../adapters/system/env-files.js";
import type {
  AgentProfile,
  AgentsFile,
  ContextTruncation,
  CrmEndpoint,
  ModelSettings,
  ToolDefinition,
  ToolSource,
  TransferSettings,
  TurnDetection,
} from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import { CALL_TOOLS } from "../../tools/builtin.js";
import { SAMPLE_TOOL_NAMES } from "../../tools/sample-tools.js";
import { REFERENCE } from "./checks.js";
import { readDestination } from "./destination-entry.js";
import type { AgentInput, EndpointInput, FileInput, ToolInput } from "./schema.js";

export interface BuildContext {
  readonly lookup: EnvLookup;
  readonly defaults: {
    readonly model: string;
    readonly humanAgentNumber: string | null;
    readonly maxCallMinutes: number;
  };
  /** The agents file. Paths in it are relative to its folder. */
  readonly path: string;
}

/** The name of the destination that HUMAN_AGENT_NUMBER stands for. */
const HUMAN = "human";
const BUILTIN_TIMEOUT_MS = 5000;

/**
 * @param agents  each merged with the file's defaults.
 * @param tools   as buildTools made them.
 */
export function buildAgentsFile(
  file: FileInput,
  agents: ReadonlyMap<string, AgentInput>,
  tools: ReadonlyMap<string, ToolDefinition>,
  context: BuildContext,
): AgentsFile {
  const only = agents.size === 1 ? [...agents.keys()][0] : undefined;
  const numbers = file.numbers ?? (only === undefined ? {} : { "*": only });
  return {
    agents: new Map(
      [...agents].map(([name, agent]) => [name, buildAgent(name, agent, tools, context)]),
    ),
    numbers: new Map(Object.entries(numbers).filter(([number]) => number !== "*")),
    defaultAgent: numbers["*"] ?? null,
    outbound: {
      countries: file.outbound.countries,
      maxPerNumberPerHour: file.outbound.max_per_number_per_hour,
      maxPerMinute: file.outbound.max_per_minute,
      maxUsdPerDay: file.outbound.max_usd_per_day,
    },
    ...(file.crm === undefined
      ? {}
      : {
          crm: {
            callerLookup: buildEndpoint(file.crm.caller_lookup, context),
            escalation: buildEndpoint(file.crm.escalation, context),
            callCompleted: buildEndpoint(file.crm.call_completed, context),
          },
        }),
    ...(file.redact === undefined
      ? {}
      : { redact: { cardNumbers: file.redact.card_numbers, patterns: file.redact.patterns } }),
    ...(file.retention === undefined
      ? {}
      : {
          retention: {
            recordsDays: file.retention.records_days,
            recordingsDays: file.retention.recordings_days,
            auditDays: file.retention.audit_days,
          },
        }),
    ...(file.pricing === undefined
      ? {}
      : { pricingFile: resolve(dirname(context.path), file.pricing) }),
  };
}

/** Every tool of the file, by its name. */
export function buildTools(
  file: FileInput,
  context: BuildContext,
): ReadonlyMap<string, ToolDefinition> {
  return new Map(
    Object.entries(file.tools).map(([name, tool]) => [name, buildTool(name, tool, context)]),
  );
}

function buildAgent(
  name: string,
  agent: AgentInput,
  tools: ReadonlyMap<string, ToolDefinition>,
  context: BuildContext,
): AgentProfile {
  const { defaults } = context;
  const languages = new Map(Object.entries(agent.languages));
  return {
    name,
    model: agent.model ?? defaults.model,
    voice: agent.voice,
    instructions: agent.instructions ?? "",
    greeting: agent.greeting,
    say: agent.say,
    timeZone: agent.time_zone,
    tellCallerNumber: agent.tell_caller_number,
    replyTimeoutMs: agent.reply_timeout_ms,
    language: agent.language ?? [...languages.keys()][0] ?? "en-US",
    languages,
    turnDetection: buildTurnDetection(agent.turn_detection),
    noiseReduction: agent.noise_reduction,
    modelSettings: buildModelSettings(agent.session),
    vad: {
      localBargeIn: agent.vad.local_barge_in,
      confirmMs: agent.vad.confirm_ms,
      adapt: agent.vad.adapt,
      greetingProtectionMs: agent.vad.greeting_protection_ms,
    },
    transcription: agent.transcription,
    recording: agent.recording,
    record: agent.record,
    tools: agent.tools.map((tool) => tools.get(tool) ?? builtin(tool)),
    transfer: buildTransfer(agent.transfer, defaults.humanAgentNumber),
    limits: {
      maxCallMinutes: Math.min(
        agent.limits.max_call_minutes ?? defaults.maxCallMinutes,
        defaults.maxCallMinutes,
      ),
      idleHangupS: agent.limits.idle_hangup_s,
      maxToolCalls: agent.limits.max_tool_calls,
      maxCostUsd: agent.limits.max_cost_usd,
      maxCallsPerCaller: agent.limits.max_calls_per_caller,
      maxWithheldCalls: agent.limits.max_withheld_calls,
      maxCallsPerLine: agent.limits.max_calls_per_line,
      maxUsdPerDay: agent.limits.max_usd_per_day,
    },
    apology: agent.apology,
  };
}

function buildModelSettings(input: AgentInput["session"]): ModelSettings {
  const { reasoning, speed, truncation } = input;
  const { max_output_tokens: maxOutputTokens, parallel_tool_calls: parallelToolCalls } = input;
  return {
    ...(reasoning === null ? {} : { reasoningEffort: reasoning.effort }),
    ...(speed === null ? {} : { speed }),
    ...(maxOutputTokens === null ? {} : { maxOutputTokens }),
    ...(parallelToolCalls === null ? {} : { parallelToolCalls }),
    ...(truncation === null ? {} : { truncation: buildTruncation(truncation) }),
  };
}

function buildTruncation(
  input: NonNullable<AgentInput["session"]["truncation"]>,
): ContextTruncation {
  if (typeof input === "string") return input;
  return {
    type: input.type,
    retentionRatio: input.retention_ratio,
    postInstructionsTokens: input.token_limits?.post_instructions ?? null,
  };
}

function buildTurnDetection(input: AgentInput["turn_detection"]): TurnDetection {
  const answers = {
    createResponse: input.create_response,
    interruptResponse: input.interrupt_response,
  };
  if (input.type === "semantic_vad")
    return { type: input.type, eagerness: input.eagerness, ...answers };
  return {
    type: input.type,
    threshold: input.threshold,
    prefixPaddingMs: input.prefix_padding_ms,
    silenceDurationMs: input.silence_duration_ms,
    idleTimeoutMs: input.idle_timeout_ms,
    ...answers,
  };
}

function buildTransfer(
  input: AgentInput["transfer"],
  humanAgentNumber: string | null,
): TransferSettings {
  const destinations = new Map(
    Object.entries(input.destinations).map(([name, destination]) => [
      name,
      readDestination(name, destination),
    ]),
  );
  if (destinations.size === 0 && humanAgentNumber !== null)
    destinations.set(
      HUMAN,
      readDestination(HUMAN, { dial: humanAgentNumber, description: "a person", then: null }),
    );
  const first = [...destinations.keys()][0] ?? null;
  return {
    key: input.key,
    default: input.default === undefined ? first : input.default,
    destinations,
    callerId: input.caller_id,
    maxPerCall: input.max_per_call,
  };
}

function builtin(name: string): ToolDefinition {
  if (![...CALL_TOOLS, ...SAMPLE_TOOL_NAMES].some((known) => known === name))
    throw new RelayError("internal", `the unknown tool ${name} passed the checks`);
  // Built-in tools bring their own description and parameters (`tools/`).
  return {
    name,
    description: "",
    parameters: {},
    source: { kind: "builtin" },
    timeoutMs: BUILTIN_TIMEOUT_MS,
    sayWhileWaiting: null,
  };
}

function buildTool(name: string, input: ToolInput, context: BuildContext): ToolDefinition {
  return {
    name,
    description: input.description,
    parameters: input.parameters,
    source: buildSource(input, context),
    timeoutMs: input.timeout_ms ?? input.http?.timeout_ms ?? BUILTIN_TIMEOUT_MS,
    sayWhileWaiting: input.say_while_waiting,
  };
}

function buildSource(input: ToolInput, context: BuildContext): ToolSource {
  if (input.http !== undefined) {
    const { http } = input;
    return {
      kind: "http",
      http: {
        method: http.method,
        url: http.url,
        headers: resolveAll(http.headers, context.lookup),
        timeoutMs: http.timeout_ms,
        maxResponseBytes: http.max_response_bytes,
        allowPrivateHosts: http.allow_private_hosts,
        idempotent: http.idempotent,
      },
    };
  }
  if (input.module !== undefined)
    return { kind: "module", path: resolve(dirname(context.path), input.module) };
  return { kind: "mcp", server: resolveDeep(input.mcp ?? {}, context.lookup) };
}

function buildEndpoint(
  input: EndpointInput | undefined,
  context: BuildContext,
): CrmEndpoint | null {
  if (input === undefined) return null;
  return {
    method: input.method,
    url: input.url,
    headers: resolveAll(input.headers, context.lookup),
    timeoutMs: input.timeout_ms,
    allowPrivateHosts: input.allow_private_hosts,
  };
}

function resolveText(text: string, lookup: EnvLookup): string {
  return text.replace(REFERENCE, (_, name: string) => lookup(name) ?? "");
}

function resolveAll(
  texts: Readonly<Record<string, string>>,
  lookup: EnvLookup,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, resolveText(text, lookup)]),
  );
}

function resolveDeep(value: object, lookup: EnvLookup): Record<string, unknown> {
  const deep = (item: unknown): unknown => {
    if (typeof item === "string") return resolveText(item, lookup);
    if (Array.isArray(item)) return item.map(deep);
    if (typeof item === "object" && item !== null)
      return Object.fromEntries(Object.entries(item).map(([key, inner]) => [key, deep(inner)]));
    return item;
  };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deep(item)]));
}
