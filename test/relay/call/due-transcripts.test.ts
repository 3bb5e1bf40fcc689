import { expect, it } from "vitest";
import type { ItemId } from "../../../src/domain/ids.js";
import { DueTranscripts } from "../../../src/relay/call/due-transcripts.js";

const id = (text: string) => text as ItemId;

it("waits for the transcript of each turn", () => {
  const one = new DueTranscripts(true);
  expect(one.areComplete).toBe(true);
  one.turn(id("c1"));
  one.turn(id("c2"));
  one.arrived(id("c1"));
  expect(one.areComplete).toBe(false);
  one.arrived(id("c2"));
  expect(one.areComplete).toBe(true);
});

it("waits for none without transcription, and for none of a session that is gone", () => {
  const off = new DueTranscripts(false);
  off.turn(id("c1"));
  expect(off.areComplete).toBe(true);
  const on = new DueTranscripts(true);
  on.turn(id("c1"));
  on.clear();
  expect(on.areComplete).toBe(true);
});
