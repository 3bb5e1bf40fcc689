/**
 * The most that a record keeps of one text, in UTF-16 units. A turn of 16,384 characters takes
 * about a quarter of an hour to say. A longer text is cut, and a mark at its end says so.
 */
export const TEXT_LIMITS = {
  /** What was said or generated in a turn. */
  turn: 16_384,
  toolName: 512,
  toolArguments: 16_384,
  toolOutput: 16_384,
  transferReason: 2_000,
  transferSummary: 4_000,
  transferDetail: 1_000,
  note: 1_000,
  /** About ten hours of speech. */
  transcript: 500_000,
  word: 200,
} as const;

/** Entries of the lists that one event may bring. */
export const MAX_PROGRESS_POINTS = 1_000;
export const MAX_WORDS = 60_000;

/** Cuts a text, never within a surrogate pair, and appends the mark. */
export function cutText(text: string, limit: number, originalLength = text.length): string {
  if (text.length <= limit && originalLength <= limit) return text;
  const mark = cutMark(originalLength);
  return `${wholePairs(text.slice(0, Math.max(0, limit - mark.length)))}${mark}`;
}

export function cutMark(originalLength: number): string {
  return ` [cut: ${originalLength} characters]`;
}

/** Without half a surrogate pair at the end. */
function wholePairs(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}
