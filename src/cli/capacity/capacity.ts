import type { TokenUsage } from "../../domain/record-event.js";
import { type PriceTable, tokenCostUsd, transcriptionCostUsd } from "../../records/cost.js";
import {
  ASSUMED,
  CALCULATED,
  MEASURED,
  PLANNED_SHARE,
  TOKENS_PER_SECOND,
  TRANSCRIPTION_MODEL,
} from "./figures.js";

export interface Demand {
  /** Simultaneous. */
  readonly calls: number;
  readonly minutesPerCall: number;
  readonly responsesPerMinute: number;
  /** What one core carries at its limit. */
  readonly callsPerCore: number;
  readonly model: string;
}

/** What a number of simultaneous calls takes. Names end with their unit. */
export interface Capacity {
  readonly callsPerWorker: number;
  readonly workers: number;
  readonly cores: number;
  readonly memoryMb: number;
  readonly sockets: number;
  readonly relayMbit: number;
  readonly balancerMbit: number;
  readonly callStartsPerSecond: number;
  readonly databaseRowsPerSecond: number;
  readonly recordsGbPerDay: number;
  readonly modelTokensPerMinute: number;
  readonly modelResponsesPerMinute: number;
  /** Null: the price list does not have the model. */
  readonly modelUsdPerHour: number | null;
  /** Of what callers say, with the default model; null: it has no price. */
  readonly transcriptionUsdPerHour: number | null;
}

const SECONDS_PER_DAY = 86_400;
const MINUTES_PER_HOUR = 60;

export function capacityFor(demand: Demand, prices: PriceTable): Capacity {
  const { calls, minutesPerCall, callsPerCore, responsesPerMinute, model } = demand;
  const callsPerWorker = Math.max(1, Math.floor(callsPerCore * PLANNED_SHARE));
  const workers = Math.ceil(calls / callsPerWorker);
  const startsPerSecond = calls / (minutesPerCall * 60);
  const { rowsAtStart, rowsAtEnd, secondsPerRow, recordKbPerCall } = CALCULATED;
  // A turn of the caller and one of the agent for each response, beside what every call has.
  const rowsPerCall = rowsAtStart + rowsAtEnd + 2 * responsesPerMinute * minutesPerCall;
  const usage = usagePerMinute(responsesPerMinute);
  const perHour = (usdPerMinute: number | null) =>
    usdPerMinute === null ? null : calls * usdPerMinute * MINUTES_PER_HOUR;
  return {
    callsPerWorker,
    workers,
    // One more for the supervisor, the kernel and TLS.
    cores: workers + 1,
    memoryMb:
      MEASURED.memoryMbOfSupervisor +
      workers * MEASURED.memoryMbPerWorker +
      (calls * MEASURED.memoryKbPerCall) / 1024,
    sockets: calls * CALCULATED.socketsPerCall,
    relayMbit: calls * CALCULATED.relayMbitPerCall,
    balancerMbit: calls * CALCULATED.balancerMbitPerCall,
    callStartsPerSecond: startsPerSecond,
    databaseRowsPerSecond: calls / secondsPerRow + startsPerSecond * rowsPerCall,
    recordsGbPerDay: (startsPerSecond * SECONDS_PER_DAY * recordKbPerCall) / 1024 / 1024,
    modelTokensPerMinute:
      calls * (usage.inputText + usage.inputAudio + usage.outputText + usage.outputAudio),
    modelResponsesPerMinute: calls * responsesPerMinute,
    modelUsdPerHour: perHour(tokenCostUsd(model, usage, prices)),
    transcriptionUsdPerHour: perHour(
      transcriptionCostUsd(
        TRANSCRIPTION_MODEL,
        { tokens: 0, seconds: ASSUMED.callerSeconds },
        prices,
      ),
    ),
  };
}

/**
 * Tokens of one call in a minute. Every response takes the whole conversation so far as its input:
 * what was said since the last response is new, and the rest is cached.
 */
export function usagePerMinute(responses: number): TokenUsage {
  const { callerSeconds, agentSeconds, instructionTokens, conversationTokens } = ASSUMED;
  const callerAudio = callerSeconds * TOKENS_PER_SECOND.caller;
  const agentAudio = agentSeconds * TOKENS_PER_SECOND.agent;
  const inputText = responses * instructionTokens;
  const newAudio = callerAudio + agentAudio;
  const inputAudio = Math.max(newAudio, responses * conversationTokens);
  return {
    inputText,
    inputAudio,
    inputImage: 0,
    cachedText: inputText,
    cachedAudio: inputAudio - newAudio,
    cachedImage: 0,
    outputText: agentSeconds * ASSUMED.textTokensPerSecond,
    outputAudio: agentAudio,
  };
}
