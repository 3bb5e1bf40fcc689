import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ItemId } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { createRedact } from "../../src/records/redact.js";
import { storableEvent } from "../../src/records/storable-event.js";
import { MAX_PROGRESS_POINTS, MAX_WORDS, TEXT_LIMITS } from "../../src/records/text-limits.js";
import { callerText, note } from "../fakes/record-events.js";

const cards = createRedact({ cardNumbers: true, patterns: [] });
const none = (text: string) => text;
const MEGABYTES = "long ".repeat(2_000_000);
const textOf = (event: RecordEvent) => ("text" in event ? event.text : "");

describe("storableEvent", () => {
  it("masks all that was said, generated or typed", () => {
    const number = "4242424242424242";
    const itemId = "i" as ItemId;
    const events = [
      { type: "caller_text", itemId, text: number },
      { type: "agent_text", itemId, text: number },
      {
        type: "tool",
        atMs: 1,
        name: "t",
        arguments: `{"n":"${number}"}`,
        output: number,
        ms: 1,
        outcome: "ok",
      },
      {
        type: "transfer_requested",
        atMs: 1,
        destination: "d",
        kind: "dial",
        reason: number,
        summary: number,
        urgency: null,
        by: "agent",
      },
      { type: "transfer_step", atMs: 1, step: "calling", detail: number },
      { type: "note", atMs: 1, name: "n", fields: { text: number, count: 3 } },
      { type: "recording_transcript", sid: "RE1", transcript: number, words: [] },
    ] as const;
    for (const event of events)
      expect(JSON.stringify(storableEvent(event, cards))).not.toContain(number);
  });

  it("returns the same event when there is nothing to change", () => {
    for (const event of [callerText("i", "hello"), note(1), { type: "moved" } as const])
      expect(storableEvent(event, cards)).toBe(event);
  });

  it("cuts every long text and marks the cut", () => {
    const tool = {
      type: "tool",
      atMs: 1,
      name: MEGABYTES,
      arguments: MEGABYTES,
      output: MEGABYTES,
      ms: 1,
      outcome: "ok",
    } as const;
    const requested = {
      type: "transfer_requested",
      atMs: 1,
      destination: "d",
      kind: "dial",
      reason: MEGABYTES,
      summary: MEGABYTES,
      urgency: null,
      by: "agent",
    } as const;
    const events: RecordEvent[] = [
      callerText("i", MEGABYTES),
      { type: "agent_text", itemId: "i" as ItemId, text: MEGABYTES },
      tool,
      requested,
      { type: "transfer_step", atMs: 1, step: "screening", detail: MEGABYTES },
      { ...note(1), fields: { text: MEGABYTES } },
    ];
    for (const event of events) {
      const json = JSON.stringify(storableEvent(event, cards));
      expect(json.length).toBeLessThan(34_000);
      expect(json).toContain("[cut: 10000000 characters]");
    }
    expect(storableEvent(requested, cards)).toMatchObject({
      reason: expect.stringMatching(/^long .*\]$/),
    });
  });

  it("leaves a text at its limit alone", () => {
    const event = callerText("i", "x".repeat(TEXT_LIMITS.turn));
    expect(storableEvent(event, cards)).toBe(event);
  });

  it("never leaves a part of a card number at the cut", () => {
    const card = "4242 4242 4242 4242";
    fc.assert(
      fc.property(fc.integer({ min: -60, max: 60 }), (offset) => {
        const before = "x".repeat(TEXT_LIMITS.turn + offset);
        const text = textOf(storableEvent(callerText("i", `${before} ${card} more`), cards));
        expect(text).not.toMatch(/4242/);
        expect(text.length).toBeLessThanOrEqual(TEXT_LIMITS.turn);
      }),
    );
  });

  it("does not cut a character in two", () => {
    for (const offset of [0, 1]) {
      const text = `${"x".repeat(offset)}${"\u{1f412}".repeat(TEXT_LIMITS.turn)}`;
      expect(textOf(storableEvent(callerText("i", text), none))).not.toMatch(
        /[\uD800-\uDBFF](?![\uDC00-\uDFFF])/,
      );
    }
  });

  it("keeps the progress of a text that is only cut, with fewer points", () => {
    const progress = Array.from({ length: 5_000 }, (_, i) => [i * 4, i * 100] as const);
    const event = { type: "agent_text", itemId: "i" as ItemId, text: MEGABYTES, progress } as const;
    const cut = storableEvent(event, none);
    const points = cut.type === "agent_text" ? (cut.progress ?? []) : [];
    expect(points.length).toBeLessThanOrEqual(MAX_PROGRESS_POINTS);
    expect([points[0], points.at(-1)]).toEqual([progress[0], progress.at(-1)]);
    // Positions in a text that was changed would be wrong.
    const redacted = storableEvent({ ...event, text: `4242424242424242 ${MEGABYTES}` }, cards);
    expect(redacted).not.toHaveProperty("progress");
  });

  it("limits the words of a transcript", () => {
    const word = { who: "caller", word: "w".repeat(1_000), startMs: 0, endMs: 1 } as const;
    const event = storableEvent(
      {
        type: "recording_transcript",
        sid: "RE1",
        transcript: MEGABYTES,
        words: Array.from({ length: MAX_WORDS + 5 }, () => word),
      },
      none,
    );
    const { transcript, words } = event as Extract<RecordEvent, { type: "recording_transcript" }>;
    expect([transcript.length, words.length]).toEqual([TEXT_LIMITS.transcript, MAX_WORDS]);
    expect(words[0]!.word).toHaveLength(TEXT_LIMITS.word);
  });
});
