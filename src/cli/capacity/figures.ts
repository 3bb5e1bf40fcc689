/**
 * What one call takes. `docs/scaling.md` ("Figures for planning") says on which machine it was
 * measured and with which command.
 */
export const MEASURED = {
  /** Within the limits of `bench --find-max`, on one core. Another machine: `--calls-per-core`. */
  callsPerCore: 215,
  memoryKbPerCall: 108,
  memoryMbPerWorker: 100,
  memoryMbOfSupervisor: 70,
} as const;

/** Calculated from the sizes of the messages of both protocols. */
export const CALCULATED = {
  /** Both legs, both directions. */
  relayMbitPerCall: 0.5,
  /** Each direction. */
  balancerMbitPerCall: 0.35,
  socketsPerCall: 4,
  rowsAtStart: 4,
  rowsAtEnd: 2,
  secondsPerRow: 15,
  recordKbPerCall: 10,
} as const;

/** A worker is planned with this share of what it can carry. */
export const PLANNED_SHARE = 0.6;

/** OpenAI, realtime costs: audio tokens per second of speech. */
export const TOKENS_PER_SECOND = { caller: 10, agent: 20 } as const;

/** The model that transcribes unless the agents file names another. */
export const TRANSCRIPTION_MODEL = "gpt-live-transcribe";

/** What is assumed of a conversation. */
export const ASSUMED = {
  /** Seconds of speech in a minute of a call. */
  callerSeconds: 20,
  agentSeconds: 25,
  /** Instructions and tools. */
  instructionTokens: 1_000,
  /** What was said so far, on average over the call. */
  conversationTokens: 1_500,
  /** Text tokens of a second of the agent's speech. */
  textTokensPerSecond: 3,
} as const;
