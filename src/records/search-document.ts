import type { CallRecord } from "../domain/call-record.js";
import type { ReviewFlag } from "../domain/call-review.js";
import type { CallSid } from "../domain/ids.js";
import type { ToolOutcome } from "../domain/record-event.js";
import { reviewFlags } from "./review-rules.js";
import { searchableWords } from "./search-words.js";

/** What a search looks at: one row per ended call. */
export interface SearchDocument {
  readonly callSid: CallSid;
  readonly startedMs: number;
  readonly durationMs: number | null;
  readonly agent: string | null;
  readonly outcome: string | null;
  readonly endReason: string | null;
  /** The other party's number. */
  readonly caller: string | null;
  readonly from: string | null;
  readonly to: string | null;
  /** Destination of the last transfer. */
  readonly destination: string | null;
  /** The longest voice-to-voice time of a turn. */
  readonly latencyMs: number | null;
  readonly interruptions: number;
  readonly failedTools: number;
  readonly costUsd: number | null;
  readonly node: string | null;
  readonly flags: readonly ReviewFlag[];
  /** All words, separated by spaces. */
  readonly words: string;
}

/** About two hours of speech. What is said later in a call is not found. */
const MAX_WORDS_CHARS = 100_000;
const FAILED: ReadonlySet<ToolOutcome> = new Set(["error", "timeout", "invalid", "denied"]);

export function searchDocument(record: CallRecord): SearchDocument {
  const { callSid, startedAt, endedAt, turns, tools, transfer } = record;
  const startedMs = startedAt === null ? 0 : Date.parse(startedAt);
  const latencies = turns.flatMap(({ voiceToVoiceMs }) => voiceToVoiceMs ?? []);
  return {
    callSid,
    startedMs,
    durationMs: startedAt === null || endedAt === null ? null : Date.parse(endedAt) - startedMs,
    agent: record.agent,
    outcome: record.outcome,
    endReason: record.endReason,
    caller: record.direction === "inbound" ? record.from : record.to,
    from: record.from,
    to: record.to,
    destination: transfer?.destination ?? null,
    latencyMs: latencies.length === 0 ? null : Math.max(...latencies),
    interruptions: turns.filter(({ interruptedAtMs }) => interruptedAtMs !== null).length,
    failedTools: tools.filter(({ outcome }) => FAILED.has(outcome)).length,
    costUsd: record.costUsd,
    node: record.node,
    flags: reviewFlags(record),
    words: wordsOf(record),
  };
}

/** What was said and heard, why the caller was transferred, what tools got and gave. */
function wordsOf(record: CallRecord): string {
  const { turns, tools, transfer, earlierTransfers, recording } = record;
  const texts: (string | null)[] = turns.map(({ who, text, heardText }) =>
    who === "agent" ? (heardText ?? text) : text,
  );
  for (const one of [...earlierTransfers, ...(transfer === null ? [] : [transfer])])
    texts.push(one.reason, one.summary);
  for (const tool of tools) texts.push(tool.name, tool.arguments, tool.output);
  texts.push(recording?.transcript ?? null);
  let words = "";
  for (const text of texts) {
    if (text === null) continue;
    words += ` ${searchableWords(text.slice(0, MAX_WORDS_CHARS - words.length)).join(" ")}`;
    if (words.length >= MAX_WORDS_CHARS) break;
  }
  return words.slice(0, MAX_WORDS_CHARS).trim();
}
