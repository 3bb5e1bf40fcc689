import { describe, expect, it } from "vitest";
import { parseServerEvent } from "../../src/wire/realtime.js";
import { SkipList } from "../../src/wire/realtime-skip.js";
import { bytesOf } from "./json-text.js";

const ACTED_ON = [
  "session.created",
  "session.updated",
  "input_audio_buffer.speech_started",
  "input_audio_buffer.speech_stopped",
  "input_audio_buffer.committed",
  "input_audio_buffer.timeout_triggered",
  "input_audio_buffer.dtmf_event_received",
  "conversation.item.input_audio_transcription.completed",
  "conversation.item.input_audio_transcription.failed",
  "response.created",
  "response.done",
  "response.output_audio.delta",
  "response.output_audio.done",
  "response.output_audio_transcript.delta",
  "response.output_audio_transcript.done",
  "rate_limits.updated",
  "error",
  "response.content_part.addedx",
  "response.content_part.adde",
];

const list = new SkipList([
  "conversation.item.done",
  "response.content_part.added",
  "response.function_call_arguments.delta",
]);
const skips = (text: string) => list.skips(bytesOf(text));

describe("SkipList", () => {
  it.each([
    "conversation.item.done",
    "response.content_part.added",
    "response.function_call_arguments.delta",
  ])("skips %s, with its type first or behind the id", (type) => {
    expect(skips(`{"type":"${type}","event_id":"event_1","x":1}`)).toBe(true);
    expect(skips(`{"event_id":"event_1","type":"${type}"}`)).toBe(true);
  });

  it.each(ACTED_ON)("leaves %s to be read", (type) => {
    expect(skips(`{"type":"${type}","event_id":"event_1"}`)).toBe(false);
  });

  it("leaves an event that is written otherwise to be read", () => {
    const type = '"type":"conversation.item.done"';
    for (const text of [
      `{ ${type}}`,
      `{"a":1,${type}}`,
      `{"event_id":1,${type}}`,
      "{}",
      "",
      `{${type.slice(0, -1)}`,
    ])
      expect(skips(text)).toBe(false);
    expect(skips(`{"event_id":"${"x".repeat(200)}",${type}}`)).toBe(false);
  });

  it("does not take a nested type for that of the event", () => {
    const text =
      '{"type":"error","error":{"type":"conversation.item.done","code":"x","message":"m"}}';
    expect(skips(text)).toBe(false);
    expect(parseServerEvent(bytesOf(text)).type).toBe("error");
  });
});
