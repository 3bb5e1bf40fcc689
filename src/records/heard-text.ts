/**
 * One step of a text's progress: it had `chars` when `receivedMs` of its audio had been received.
 */
export type ProgressPoint = readonly [chars: number, receivedMs: number];

export interface SpokenText {
  readonly text: string;
  readonly heardMs: number;
  readonly receivedMs: number;
  /** False when the model was cut off: the text may then be longer than the audio. */
  readonly complete: boolean;
  /** In order of arrival; empty when unknown. */
  readonly progress: readonly ProgressPoint[];
  /**
   * Weight (see `speechWeight`) that this voice speaks per ms, measured on this call; null while
   * unknown.
   */
  readonly weightPerMs: number | null;
}

interface Word {
  readonly end: number;
  readonly startWeight: number;
  readonly weight: number;
}

/** About 150 words per minute, as telephone voices speak. */
const TYPICAL_WEIGHT_PER_MS = 0.016;
/** With more words than this before the first audio, text and audio are not interleaved. */
const INTERLEAVED_START_WORDS = 2;
/** If the audio is longer than the text suggests by more than this factor, the text ran ahead. */
const INTERLEAVED_END_SHARE = 1.2;

// Scripts without spaces are cut by character.
const UNSPACED = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}";
const WORD = new RegExp(`[${UNSPACED}]\\p{P}*|[^\\s${UNSPACED}]+`, "gu");

/**
 * The part of a text that the caller heard when `heardMs` of its `receivedMs` of audio were played,
 * cut after a whole word. A word counts as heard when half of it was played.
 *
 * The model does not say which word belongs to which sample, so this is an estimate. Where text and
 * audio were generated interleaved, their progress places each word. Otherwise the words are spread
 * evenly by their weight.
 */
export function heardText(spoken: SpokenText): string {
  const { text, heardMs, receivedMs } = spoken;
  if (text === "" || heardMs <= 0 || receivedMs <= 0) return "";
  if (heardMs >= receivedMs && spoken.complete) return text;
  const words = wordsOf(text);
  const position = positionAt(spoken, words);
  let end = 0;
  for (const word of words) {
    if (word.startWeight + word.weight / 2 > position) break;
    end = word.end;
  }
  return text.slice(0, end);
}

/** Covers most of what is said. Testing four patterns per letter would dominate the cost. */
const ASCII_WEIGHTS = Array.from({ length: 128 }, (_, code) =>
  charWeight(String.fromCharCode(code)),
);

/** How long a text takes to say, in letters: digits are read out, and a full stop is a pause. */
export function speechWeight(text: string): number {
  let sum = 0;
  for (const match of text.matchAll(WORD)) sum += weightOf(match[0]);
  return sum;
}

function weightOf(word: string): number {
  // One for the space after the word.
  let weight = 1;
  for (const char of word) weight += ASCII_WEIGHTS[char.codePointAt(0) ?? 0] ?? charWeight(char);
  return weight;
}

function charWeight(char: string): number {
  if (char >= "0" && char <= "9") return 3;
  if (/[.!?。!?]/u.test(char)) return 4;
  if (/[,;:、,]/u.test(char)) return 2;
  return /\p{Script=Han}/u.test(char) ? 3 : 1;
}

function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let startWeight = 0;
  for (const match of text.matchAll(WORD)) {
    const weight = weightOf(match[0]);
    words.push({ end: match.index + match[0].length, startWeight, weight });
    startWeight += weight;
  }
  return words;
}

/** The weight that the voice had spoken when `heardMs` were played. */
function positionAt(spoken: SpokenText, words: readonly Word[]): number {
  const last = words.at(-1);
  if (last === undefined) return 0;
  const total = last.startWeight + last.weight;
  const nodes = interleavedNodes(spoken, words, total);
  if (nodes !== null) return interpolate(nodes, spoken.heardMs);
  const even = (total * spoken.heardMs) / spoken.receivedMs;
  if (spoken.complete) return Math.min(even, total);
  return Math.min(even, (spoken.weightPerMs ?? TYPICAL_WEIGHT_PER_MS) * spoken.heardMs, total);
}

type Node = readonly [ms: number, weight: number];

/**
 * The start of each part of the text on the audio's clock; null when the text was generated well
 * ahead of the audio.
 */
function interleavedNodes(
  spoken: SpokenText,
  words: readonly Word[],
  total: number,
): Node[] | null {
  const { progress, receivedMs } = spoken;
  if (progress.length < 2) return null;
  const nodes: Node[] = [];
  let atStart = 0;
  let before = 0;
  for (const [chars, ms] of progress) {
    if (ms <= 0) atStart = chars;
    nodes.push([Math.min(ms, receivedMs), weightAt(words, before)]);
    before = Math.max(before, chars);
  }
  if (words.filter((word) => word.end <= atStart).length > INTERLEAVED_START_WORDS) return null;
  const [lastMs, lastWeight] = nodes.at(-1)!;
  if (lastMs <= 0) return null;
  if (spoken.complete && (receivedMs * lastWeight) / total / lastMs > INTERLEAVED_END_SHARE)
    return null;
  nodes.push([receivedMs, total]);
  return nodes;
}

function weightAt(words: readonly Word[], chars: number): number {
  let start = 0;
  for (const word of words) {
    if (word.end > chars) {
      const share = Math.max(0, chars - start) / Math.max(1, word.end - start);
      return word.startWeight + word.weight * share;
    }
    start = word.end;
  }
  const last = words.at(-1)!;
  return last.startWeight + last.weight;
}

function interpolate(nodes: readonly Node[], ms: number): number {
  let [previousMs, previousWeight] = [0, 0];
  for (const [nodeMs, weight] of nodes) {
    if (nodeMs > ms) {
      const share = (ms - previousMs) / (nodeMs - previousMs);
      return previousWeight + (weight - previousWeight) * share;
    }
    [previousMs, previousWeight] = [nodeMs, weight];
  }
  return previousWeight;
}
