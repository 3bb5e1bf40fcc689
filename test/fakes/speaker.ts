import { speechWeight } from "../../src/records/heard-text.js";

export interface SpokenWord {
  readonly text: string;
  readonly endMs: number;
}

const VOCABULARY =
  "your order number left the warehouse on Tuesday and should arrive tomorrow morning. the courier will call you before, so please keep your phone near. is there anything else that I can do for you today?".split(
    " ",
  );

/** A speaker whose true word times are known: a pace of its own, each word up to a quarter quicker or slower. */
export function speaker(random: () => number, pace = paceOf(random)): SpokenWord[] {
  const count = 12 + Math.floor(random() * 50);
  const words: SpokenWord[] = [];
  let atMs = 0;
  for (let i = 0; i < count; i++) {
    const text = VOCABULARY[Math.floor(random() * VOCABULARY.length)]!;
    atMs += speechWeight(text) * pace * (0.75 + random() * 0.5);
    words.push({ text, endMs: atMs });
  }
  return words;
}

/** Ms for each unit of `speechWeight`: from 120 to 210 words a minute. */
export function paceOf(random: () => number): number {
  return 45 + random() * 35;
}

/** How many words were heard, if a word counts once half of it was. */
export function wordsHeard(words: readonly SpokenWord[], heardMs: number): number {
  return words.filter((word, i) => (word.endMs + (words[i - 1]?.endMs ?? 0)) / 2 <= heardMs).length;
}

export function wordCount(text: string): number {
  return text === "" ? 0 : text.split(" ").length;
}

/** Numbers from 0 to 1, the same for the same seed. */
export function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
