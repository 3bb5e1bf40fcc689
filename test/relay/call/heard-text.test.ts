import { describe, expect, it } from "vitest";
import type { CallRecord, RecordedTurn } from "../../../src/domain/call-record.js";
import { applyEvent, emptyRecord } from "../../../src/records/record.js";
import { CallBench, FakeStream, sid } from "../../fakes/call-bench.js";
import { FakePhone } from "../../fakes/fake-phone.js";
import type { FakeUpstream } from "../../fakes/fake-upstream.js";
import {
  mulberry32,
  paceOf,
  type SpokenWord,
  speaker,
  wordCount,
  wordsHeard,
} from "../../fakes/speaker.js";

const BYTES_PER_MS = 8;
type How = "side by side" | "slowly" | "in lumps" | "text ahead" | "text ahead, stopped";

interface Piece {
  readonly atMs: number;
  readonly text: string;
  readonly bytes: number;
}

/**
 * How the model sends what it says: faster than it is spoken, and text beside its audio; or all of
 * the text first; or hardly faster, so that it is stopped in the middle; or in lumps of several
 * words.
 */
function generation(words: readonly SpokenWord[], how: How, random: () => number): Piece[] {
  const speed = how === "slowly" ? 1.05 : 2 + random() * 6;
  const lump = how === "in lumps" ? 2 : 1;
  const pieces: Piece[] = [];
  let sentBytes = 0;
  for (let i = 0; i < words.length; i += lump) {
    const some = words.slice(i, i + lump);
    const endBytes = Math.round(some.at(-1)!.endMs * BYTES_PER_MS);
    const text = some.map(({ text }, n) => (i + n === 0 ? text : ` ${text}`)).join("");
    const atMs = (words[i - 1]?.endMs ?? 0) / speed;
    pieces.push({ atMs, text, bytes: endBytes - sentBytes });
    sentBytes = endBytes;
  }
  if (!how.startsWith("text ahead")) return pieces;
  const first = { atMs: 0, text: words.map(({ text }) => text).join(" "), bytes: 0 };
  return [first, ...pieces.map((piece) => ({ ...piece, text: "" }))];
}

function says(model: FakeUpstream, type: string, itemId: string, more: object): void {
  model.says({
    type,
    response_id: "r1",
    item_id: itemId,
    output_index: 0,
    content_index: 0,
    ...more,
  });
}

function recordOf(bench: CallBench): CallRecord {
  return bench.events.reduce((record, [, event]) => applyEvent(record, event), emptyRecord(sid(1)));
}

interface Outcome {
  readonly turn: RecordedTurn;
  readonly words: readonly SpokenWord[];
  /** Played by the phone when it was told to clear. */
  readonly heardMs: number;
}

/**
 * The model says `words`, from now on, until `untilMs` or its end. Returns what it had not sent
 * yet.
 */
function speak(
  bench: CallBench,
  model: FakeUpstream,
  itemId: string,
  pieces: Piece[],
  untilMs: number,
): Piece[] {
  const beganMs = bench.clock.nowMs();
  const left = [...pieces];
  let text = "";
  while (bench.clock.nowMs() < untilMs) {
    for (
      let piece = left[0];
      piece !== undefined && bench.clock.nowMs() >= beganMs + piece.atMs;
      piece = left[0]
    ) {
      left.shift();
      text += piece.text;
      if (piece.text !== "")
        says(model, "response.output_audio_transcript.delta", itemId, { delta: piece.text });
      if (piece.bytes > 0) model.delta("r1", itemId, piece.bytes);
      if (left.length > 0) continue;
      says(model, "response.output_audio.done", itemId, {});
      says(model, "response.output_audio_transcript.done", itemId, { transcript: text });
      model.done("r1");
    }
    bench.run(5);
  }
  return left;
}

/**
 * One call: a greeting that is heard to its end, then a turn that the caller interrupts at some
 * moment of it.
 */
async function interruptedCall(seed: number, how: How): Promise<Outcome> {
  const random = mulberry32(seed);
  const pace = paceOf(random);
  const [greeting, words] = [speaker(random, pace), speaker(random, pace)];
  const endMs = words.at(-1)!.endMs;
  const pieces = generation(words, how, random);
  const bench = new CallBench();
  const parameters = await bench.ring();
  const model = bench.dialer.last;
  model.becomesReady();
  const phone = new FakePhone(Math.round(random() * 60), Math.round(random() * 60));
  const stream = new FakeStream("MZ0", phone);
  stream.receiver = bench.calls.openStream(stream);
  bench.streams.push(stream);
  phone.advance(bench.clock.nowMs());
  stream.start(sid(1), parameters);

  model.created("r1");
  const greetingEndMs = bench.clock.nowMs() + greeting.at(-1)!.endMs + 500;
  speak(bench, model, "i0", generation(greeting, how, random), greetingEndMs);
  const before = phone.heardBytes;

  model.created("r1");
  // Anywhere in the turn; of the text that comes ahead of its audio, while some audio is missing or
  // once all is there.
  const generatedMs = pieces.at(-1)!.atMs;
  const [fromMs, toMs] =
    how === "text ahead"
      ? [generatedMs + 20, endMs - 50]
      : how === "text ahead, stopped"
        ? [50, generatedMs]
        : [50, endMs - 50];
  const atMs = fromMs + random() * Math.max(0, toMs - fromMs);
  const left = speak(bench, model, "i1", pieces, bench.clock.nowMs() + atMs);
  const heardMs = (phone.heardBytes - before) / BYTES_PER_MS;
  model.says({ type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 0 });
  expect(stream.of("clear"), `seed ${seed}`).toHaveLength(1);
  if (left.length > 0) {
    // The server stops in the middle of a word, and may still tell what it had said of the text.
    const sent = pieces.slice(0, pieces.length - left.length + 1);
    says(model, "response.output_audio_transcript.delta", "i1", { delta: left[0]!.text });
    if (random() < 0.5) {
      const transcript = sent.map(({ text }) => text).join("");
      says(model, "response.output_audio_transcript.done", "i1", { transcript });
    }
    model.done("r1", { status: "cancelled" });
  }
  bench.run(200);
  stream.stop(sid(1));
  const turns = recordOf(bench).turns.filter(({ who }) => who === "agent");
  expect(turns, `seed ${seed}`).toHaveLength(2);
  expect(turns[0]!.heardText, `seed ${seed}`).toBe(turns[0]!.text);
  return { turn: turns[1]!, words, heardMs };
}

/** By how many words each of 200 interruptions is off. */
async function errorsOf(how: How): Promise<number[]> {
  const errors: number[] = [];
  for (let seed = 1; seed <= 200; seed++) {
    const { turn, words, heardMs } = await interruptedCall(seed * 7919, how);
    if (turn.heardText === null)
      throw new Error(`seed ${seed}: nothing is known of what was heard`);
    errors.push(wordCount(turn.heardText) - wordsHeard(words, heardMs));
    expect(turn.text?.startsWith(turn.heardText), `seed ${seed}`).toBe(true);
    expect(turn.interruptedAtMs, `seed ${seed}`).not.toBeNull();
    expect(Math.abs((turn.heardMs ?? 0) - heardMs), `seed ${seed}`).toBeLessThanOrEqual(80);
  }
  return errors;
}

describe("heardText in whole calls, against a phone that knows what it played", {
  timeout: 120_000,
}, () => {
  it.each(["side by side", "slowly", "in lumps"] as const)(
    "is within one word over 200 random interruptions: %s",
    async (how) => {
      const errors = await errorsOf(how);
      expect(errors.filter((words) => Math.abs(words) > 1)).toEqual([]);
    },
  );

  // Nothing then tells which word belongs to which sample: an even pace, or that of the turns
  // before, has to do.
  it.each(["text ahead", "text ahead, stopped"] as const)(
    "is within one word nearly always, and two at most, where no text comes beside its audio: %s",
    async (how) => {
      const errors = (await errorsOf(how)).map(Math.abs);
      expect(errors.filter((words) => words > 1).length).toBeLessThanOrEqual(2);
      expect(Math.max(...errors)).toBeLessThanOrEqual(2);
    },
  );
});
