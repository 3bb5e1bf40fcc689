import { expect, it } from "vitest";
import type { ItemId } from "../../../src/domain/ids.js";
import { DueTranscripts } from "../../../src/relay/call/due-transcripts.js";

const id = (text: string) => text as ItemId;

it("waits for the transcript of each turn", () => {
  let complete = 0;
  const one = new DueTranscripts(true, () => void complete++);
  expect(one.areComplete).toBe(true);
  one.turn(id("c1"));
  one.turn(id("c2"));
  one.arrived(id("c1"));
  expect(one.areComplete).toBe(false);
  expect(complete).toBe(0);
  one.arrived(id("c2"));
  expect(one.areComplete).toBe(true);
  // A transcript that is not waited for, and one that comes twice, complete nothing.
  one.arrived(id("c2"));
  one.arrived(id("c9"));
  expect(complete).toBe(1);
});

it("waits for none without transcription, and for none of a session that is gone", () => {
  const off = new DueTranscripts(false, () => undefined);
  off.turn(id("c1"));
  expect(off.areComplete).toBe(true);
  const on = new DueTranscripts(true, () => undefined);
  on.turn(id("c1"));
  on.clear();
  expect(on.areComplete).toBe(true);
});

it("waits for none where the session does not transcribe, until the next session", () => {
  const one = new DueTranscripts(true, () => undefined);
  one.turn(id("c1"));
  one.refused();
  one.turn(id("c2"));
  expect(one.areComplete).toBe(true);
  one.clear();
  one.turn(id("c3"));
  expect(one.areComplete).toBe(false);
});
