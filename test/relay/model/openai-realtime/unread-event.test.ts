import { describe, expect, it } from "vitest";
import type { ResponseId } from "../../../../src/domain/ids.js";
import { standIn } from "../../../../src/relay/model/openai-realtime/unread-event.js";
import type { EventHead } from "../../../../src/wire/realtime-head.js";

const head = (type: string | null, more: Partial<EventHead> = {}): EventHead => ({
  type,
  itemId: null,
  responseId: null,
  status: null,
  ...more,
});
const ACTIVE = "r1" as ResponseId;

describe("standIn", () => {
  it.each([
    "session.created",
    "session.updated",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "response.created",
    "response.done",
    "response.output_audio.done",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
    "error",
  ])("stands in for %s, which the session has to act on", (type) => {
    expect(standIn(head(type), ACTIVE, false)?.type).toBe(type);
  });

  it.each(["conversation.item.done", "rate_limits.updated", "unheard.of", null])(
    "stands in for no %s",
    (type) => {
      expect(standIn(head(type), ACTIVE, false)).toBeNull();
    },
  );

  it.each([
    [{ responseId: "r9", status: "completed" }, true, "r9", "completed"],
    [{ status: "completed" }, true, "r1", "completed"],
    [{ status: "completed" }, false, "r1", "failed"],
    [{ status: null }, false, "r1", "failed"],
    [{ status: "cancelled" }, true, "r1", "cancelled"],
    [{ status: "cancelled" }, false, "r1", "cancelled"],
  ])("ends a response %j, heard %s, as %s %s", (found, spoke, id, status) => {
    const event = standIn(head("response.done", found), ACTIVE, spoke);
    expect(event).toMatchObject({ response: { id, status } });
  });
});
