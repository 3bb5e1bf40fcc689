/** The answer to a transcription request, and the transcript that several of them make. */
import { WireError } from "../../domain/errors.js";
import type { TranscriptWord } from "../../domain/record-event.js";

/** Some words with their time, in seconds from the start of the audio that was sent. */
export interface TimedText {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface TranscriptionAnswer {
  readonly text: string;
  /** Empty unless word times were asked for and the model gives them. */
  readonly words: readonly TimedText[];
  /** Sentences or parts of them; empty unless they were asked for. */
  readonly segments: readonly TimedText[];
  /** What is billed; either may be 0. */
  readonly tokens: number;
  readonly seconds: number;
}

/** Words of one speaker that are further apart begin a new line. */
const LINE_GAP_MS = 2_000;

/** @throws WireError when it is not JSON or has no text. */
export function parseTranscription(json: string): TranscriptionAnswer {
  let answer: unknown;
  try {
    answer = JSON.parse(json);
  } catch (error) {
    throw new WireError("the answer to a transcription is not JSON", { cause: error });
  }
  if (!isObject(answer) || typeof answer["text"] !== "string") {
    throw new WireError("the answer to a transcription has no text");
  }
  const usage = isObject(answer["usage"]) ? answer["usage"] : {};
  return {
    text: answer["text"],
    words: timedTexts(answer["words"], "word"),
    segments: timedTexts(answer["segments"], "text"),
    tokens: numberOr0(usage["total_tokens"]),
    seconds: numberOr0(usage["seconds"]) || numberOr0(answer["duration"]),
  };
}

/**
 * The text of a transcript: a line for each speaker's turn, in order of time.
 *
 * @param parts  words or segments of all channels, in order of their start.
 */
export function linesOf(parts: readonly TranscriptWord[]): string {
  const lines: string[] = [];
  let before: TranscriptWord | null = null;
  for (const part of parts) {
    const text = part.word.trim();
    const goesOn =
      before !== null && before.who === part.who && part.startMs - before.endMs < LINE_GAP_MS;
    if (goesOn) lines[lines.length - 1] += ` ${text}`;
    else lines.push(part.who === "unknown" ? text : `${part.who}: ${text}`);
    before = part;
  }
  return lines.join("\n");
}

function timedTexts(list: unknown, key: "word" | "text"): readonly TimedText[] {
  return (Array.isArray(list) ? list : []).flatMap((one: unknown) => {
    if (!isObject(one)) return [];
    const { [key]: text, start, end } = one;
    if (typeof text !== "string" || typeof start !== "number" || typeof end !== "number") return [];
    return { text, start, end };
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numberOr0(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
