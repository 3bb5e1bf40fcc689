/**
 * An agent as all other modules see it: checked, with defaults filled in, so that nothing is
 * optional that has a default. `config/agents/` builds it from the agents file. Types only.
 */

export interface ServerVad {
  readonly type: "server_vad";
  /** 0–1; higher wants louder speech. */
  readonly threshold: number;
  readonly prefixPaddingMs: number;
  readonly silenceDurationMs: number;
  readonly idleTimeoutMs: number | null;
  readonly createResponse: boolean;
  readonly interruptResponse: boolean;
}

export interface SemanticVad {
  readonly type: "semantic_vad";
  readonly eagerness: "low" | "medium" | "high" | "auto";
  readonly createResponse: boolean;
  readonly interruptResponse: boolean;
}

export type TurnDetection = ServerVad | SemanticVad;

/** Optional settings of a model. What is absent is not sent, so that the server's default holds. */
export interface ModelSettings {
  readonly reasoningEffort?: "minimal" | "low" | "medium" | "high" | "xhigh";
  /** 0.25 to 1.5, where 1 is the voice's own speed. */
  readonly speed?: number;
  readonly maxOutputTokens?: number | "inf";
  readonly parallelToolCalls?: boolean;
  readonly truncation?: ContextTruncation;
}

/** What the server does with a conversation that outgrows the model's context. */
export type ContextTruncation =
  | "auto"
  | "disabled"
  | {
      readonly type: "retention_ratio";
      /** 0 to 1: the part of the context that is kept. */
      readonly retentionRatio: number;
      /** The most tokens kept behind the instructions; null leaves it to the server. */
      readonly postInstructionsTokens: number | null;
    };

export interface LocalVadSettings {
  /** Contract B3: pause playout on local speech onset until the model confirms. */
  readonly localBargeIn: boolean;
  /** A hold that is not confirmed within this goes on exactly where it stopped. */
  readonly confirmMs: number;
  /** Tune server_vad to the line's noise. */
  readonly adapt: boolean;
  /** The caller cannot interrupt the first this many ms of the greeting (0 = they can). */
  readonly greetingProtectionMs: number;
}

export interface DestinationBase {
  readonly name: string;
  /** Shown to the model. */
  readonly description: string;
  /** Next destination when this one fails, or null: back to the agent. */
  readonly then: string | null;
  /** Transfers that agents may make to it in an hour; null or absent: any number. */
  readonly maxPerHour?: number | null;
}

/**
 * What the agents file says of a destination; `transfer/destinations/` knows what each kind does.
 */
export type Destination =
  | (DestinationBase & {
      readonly kind: "dial";
      readonly target: DialTarget;
      readonly timeoutS: number;
      /** Keys for the number once it has answered: 0–9, *, #, w and W. */
      readonly sendDigits?: string;
    })
  | (DestinationBase & { readonly kind: "enqueue"; readonly queue: string })
  | (DestinationBase & {
      readonly kind: "workflow";
      readonly workflowSid: string;
      readonly priority: Readonly<Record<Urgency, number>>;
    })
  | (DestinationBase & {
      readonly kind: "warm";
      readonly target: DialTarget;
      readonly timeoutS: number;
      /** As for `dial`. */
      readonly sendDigits?: string;
    });

export type Urgency = "low" | "medium" | "high";

/** Already validated: an E.164 number, a SIP URI of an allowed host, or a Twilio client name. */
export type DialTarget =
  | { readonly type: "number"; readonly e164: string }
  | { readonly type: "sip"; readonly uri: string }
  | { readonly type: "client"; readonly identity: string };

export interface TransferSettings {
  /** Key that reaches the default destination with the model out of the loop; null = off. */
  readonly key: string | null;
  /** Name of a destination, or null when the agent has none. */
  readonly default: string | null;
  readonly destinations: ReadonlyMap<string, Destination>;
  /** Caller ID shown to the human; null = the caller's own number. */
  readonly callerId: string | null;
  readonly maxPerCall: number;
}

export interface Limits {
  readonly maxCallMinutes: number;
  /** Hang up after this much mutual silence; null = never. */
  readonly idleHangupS: number | null;
  readonly maxToolCalls: number;
  readonly maxCostUsd: number | null;
  /** Calls at once of one caller; null or absent: any number, as for the next two. */
  readonly maxCallsPerCaller?: number | null;
  /** Calls at once of callers who hide their number. They are never counted as one caller. */
  readonly maxWithheldCalls?: number | null;
  /** Calls at once to one of our numbers. */
  readonly maxCallsPerLine?: number | null;
  /** What the model may cost in a day (UTC); null or absent: anything. */
  readonly maxUsdPerDay?: number | null;
}

/** Calls that the relay places. Null: no limit. */
export interface OutboundLimits {
  /** ISO 3166-1 alpha-2. */
  readonly countries: readonly string[] | null;
  readonly maxPerNumberPerHour: number | null;
  readonly maxPerMinute: number | null;
  /** What the model may cost in a day (UTC), for all of them together. */
  readonly maxUsdPerDay: number | null;
}

export interface LanguageProfile {
  readonly voice: string | null;
  readonly instructions: string | null;
}

export interface RecordingSettings {
  readonly enabled: boolean;
  readonly channels: "dual" | "mono";
  readonly transcribe: { readonly model: string; readonly words: boolean } | null;
}

export interface HttpToolSource {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** May hold {argument} placeholders, which are percent-encoded. */
  readonly url: string;
  /** Values may hold ${ENV_NAME}; NAME_FILE is read from disk. Resolved at load; never logged. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  /** Hosts that may resolve to private addresses. */
  readonly allowPrivateHosts: readonly string[];
  /** GET, PUT and DELETE may be retried once; true says the same of the others. */
  readonly idempotent: boolean;
}

export type ToolSource =
  | { readonly kind: "builtin" }
  | { readonly kind: "http"; readonly http: HttpToolSource }
  | { readonly kind: "module"; readonly path: string }
  | { readonly kind: "mcp"; readonly server: Readonly<Record<string, unknown>> };

export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly source: ToolSource;
  readonly timeoutMs: number;
  readonly sayWhileWaiting: string | null;
}

export interface AgentProfile {
  readonly name: string;
  readonly model: string;
  readonly voice: string;
  /**
   * May hold placeholders (domain/placeholders.ts), as may `greeting`, `say` and a language's
   * instructions.
   */
  readonly instructions: string;
  /** What the model says first; null = it waits for the caller. */
  readonly greeting: string | null;
  /** Optional `<Say>` before the stream. */
  readonly say: string | null;
  /** IANA name. The session is told date, weekday and time there; null: it is not told. */
  readonly timeZone: string | null;
  /** Whether the session is told the caller's number. */
  readonly tellCallerNumber: boolean;
  /** How long the caller may wait for a reply in silence, in ms after the last sound they heard. */
  readonly replyTimeoutMs: number;
  /** First language of the agent, a BCP 47 tag; `<Say>` uses it. */
  readonly language: string;
  readonly languages: ReadonlyMap<string, LanguageProfile>;
  readonly turnDetection: TurnDetection;
  readonly noiseReduction: "near_field" | "far_field" | null;
  /** `session:` of the agents file; absent: the server's defaults. */
  readonly modelSettings?: ModelSettings;
  readonly vad: LocalVadSettings;
  readonly transcription: { readonly model: string; readonly language: string | null } | null;
  readonly recording: RecordingSettings;
  readonly record: boolean;
  readonly tools: readonly ToolDefinition[];
  readonly transfer: TransferSettings;
  readonly limits: Limits;
  /** Spoken by Twilio (`<Say>`) when the model cannot speak. */
  readonly apology: string;
}

/** One address of the customer database. */
export interface CrmEndpoint {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** May hold {from}, {to} and {callSid}, which are percent-encoded. */
  readonly url: string;
  /** Resolved at load; never logged. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Hosts that may resolve to private addresses. */
  readonly allowPrivateHosts: readonly string[];
}

export interface CrmSettings {
  readonly callerLookup: CrmEndpoint | null;
  readonly escalation: CrmEndpoint | null;
  readonly callCompleted: CrmEndpoint | null;
}

/** What is taken out of records before they are stored. */
export interface RedactSettings {
  /** Card numbers: digit runs that pass Luhn's check. */
  readonly cardNumbers: boolean;
  /** Sources of regular expressions; each compiles with the flags "giu". */
  readonly patterns: readonly string[];
}

/** Null = kept for ever. */
export interface RetentionSettings {
  readonly recordsDays: number | null;
  readonly recordingsDays: number | null;
  readonly auditDays: number | null;
}

export interface AgentsFile {
  readonly agents: ReadonlyMap<string, AgentProfile>;
  /** Called number (E.164), or client: or sip: address → agent name. */
  readonly numbers: ReadonlyMap<string, string>;
  /** Agent of "*", or null. */
  readonly defaultAgent: string | null;
  readonly crm?: CrmSettings;
  /** Absent: no limits. */
  readonly outbound?: OutboundLimits | undefined;
  readonly redact?: RedactSettings;
  readonly retention?: RetentionSettings;
  /** Absolute path of a price list that replaces the shipped one. */
  readonly pricingFile?: string;
}
