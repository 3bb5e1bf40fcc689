import type { CallRecord, RecordedTransfer } from "../domain/call-record.js";
import { REVIEW_FLAGS, type ReviewFlag } from "../domain/call-review.js";
import type { TransferOutcome } from "../domain/transfer-request.js";
import { searchableWords } from "./search-words.js";

/**
 * Increases when the rules change, or what the search keeps of a call: the calls are judged and
 * indexed again in the background.
 */
export const RULES_VERSION = 2;

/** Of a conversation no pause is meant to be longer: docs/lifetimes.md. */
const LONG_SILENCE_MS = 8_000;
/** One call of so many is looked at, whatever it was like. */
const SAMPLED_OF = 50;
/** Shorter sentences, such as "yes please", are repeated without need. */
const MIN_REPEATED_WORDS = 4;
/** Of the different words of both sentences. */
const SAME_WORDS = 0.7;
/** A caller repeats what was not understood within the next few sentences. */
const SENTENCES_LOOKED_BACK = 3;

const FAILED: ReadonlySet<TransferOutcome> = new Set(["busy", "no_answer", "failed", "declined"]);

const RULES: Readonly<Record<ReviewFlag, (record: CallRecord) => boolean>> = {
  long_silence: (record) => longestSilenceMs(record) > LONG_SILENCE_MS,
  transfer_failed: ({ transfer, earlierTransfers }) =>
    [...earlierTransfers, ...(transfer === null ? [] : [transfer])].some(hasFailed),
  repeated: hasRepetition,
  sampled: ({ callSid }) => hashOf(callSid) % SAMPLED_OF === 0,
};

/** Why a reviewer should look at this ended call; empty: nothing stands out. */
export function reviewFlags(record: CallRecord): readonly ReviewFlag[] {
  return REVIEW_FLAGS.filter((flag) => RULES[flag](record));
}

/** The longest time between two turns in which neither spoke. */
export function longestSilenceMs({ turns }: Pick<CallRecord, "turns">): number {
  const spoken = turns
    .flatMap(({ startedMs, endedMs }) => (startedMs === null ? [] : [[startedMs, endedMs]]))
    .sort(([a], [b]) => (a ?? 0) - (b ?? 0));
  let longestMs = 0;
  let untilMs: number | null = null;
  for (const [startedMs, endedMs] of spoken) {
    if (startedMs === undefined || startedMs === null) continue;
    if (untilMs !== null) longestMs = Math.max(longestMs, startedMs - untilMs);
    untilMs = Math.max(untilMs ?? 0, endedMs ?? startedMs);
  }
  return longestMs;
}

function hasFailed({ outcome }: RecordedTransfer): boolean {
  return outcome !== null && FAILED.has(outcome);
}

/** The caller said nearly the same again soon afterwards. */
function hasRepetition({ turns }: CallRecord): boolean {
  const sentences = turns
    .filter(({ who, text }) => who === "caller" && text !== null)
    .map(({ text }) => new Set(searchableWords(text ?? "")));
  return sentences.some((words, i) =>
    sentences.slice(Math.max(0, i - SENTENCES_LOOKED_BACK), i).some((said) => isSame(words, said)),
  );
}

function isSame(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  if (Math.min(one.size, other.size) < MIN_REPEATED_WORDS) return false;
  const common = [...one].filter((word) => other.has(word)).length;
  return common / (one.size + other.size - common) >= SAME_WORDS;
}

/** FNV-1a, so that every process samples the same calls. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // The lowest bits of the product of a text depend on the last characters only.
  return (hash ^ (hash >>> 15)) >>> 0;
}
