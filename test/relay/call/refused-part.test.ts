import { expect, it } from "vitest";
import { recordRefusedPart } from "../../../src/relay/call/refused-part.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";

it.each([
  ["transcription", 1],
  ["tool", 0],
] as const)("a refused %s is noted, counted and warned about", (part, transcriptsRefused) => {
  const notes: unknown[] = [];
  const log = new FakeLog();
  const metrics = new FakeMetrics();
  let refused = 0;
  const eventLog = { note: (...note: unknown[]) => void notes.push(note) };
  const transcripts = { refused: () => void refused++ };
  recordRefusedPart(part, "t", { eventLog, log, transcripts }, metrics.metrics);
  expect(notes).toEqual([["session_part_refused", { part, tool: "t" }]]);
  expect(log.lines).toEqual([`warn model: session part refused {"part":"${part}","tool":"t"}`]);
  expect(metrics.count("sessionPartsRefused", { part })).toBe(1);
  // Without transcription no transcript is waited for at the end.
  expect(refused).toBe(transcriptsRefused);
});
