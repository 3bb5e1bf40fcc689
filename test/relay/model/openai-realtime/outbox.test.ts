import { describe, expect, it } from "vitest";
import { MAX_BACKLOG_BYTES, Outbox } from "../../../../src/relay/model/openai-realtime/outbox.js";
import { FakeDialer } from "../../../fakes/fake-upstream.js";

function open() {
  const socket = new FakeDialer().dial("wss://model.test", {
    opened: () => undefined,
    message: () => undefined,
    closed: () => undefined,
  });
  return { socket, outbox: new Outbox(socket) };
}

describe("Outbox", () => {
  it("gives each event an id of its own", () => {
    const { outbox } = open();
    expect([outbox.eventId("note"), outbox.eventId("tool")]).toEqual(["note-1", "tool-2"]);
  });

  it("sends events and audio until it is closed, once", () => {
    const { socket, outbox } = open();
    outbox.send({ type: "input_audio_buffer.clear" });
    outbox.appendUlaw(new Uint8Array(3).fill(0xff), 0, 3);
    outbox.appendBase64(new TextEncoder().encode("xx////yy"), 2, 6);
    outbox.close("done");
    outbox.send({ type: "input_audio_buffer.clear" });
    outbox.appendUlaw(new Uint8Array(3), 0, 3);
    outbox.appendBase64(new Uint8Array(4), 0, 4);
    expect(socket.sent).toEqual([
      { type: "input_audio_buffer.clear" },
      { type: "input_audio_buffer.append", audio: "////" },
      { type: "input_audio_buffer.append", audio: "////" },
    ]);
    expect(socket.closedWith).toBe(1000);
  });

  it("is congested when the socket has not taken MAX_BACKLOG_BYTES", () => {
    const { socket, outbox } = open();
    socket.backlogBytes = MAX_BACKLOG_BYTES;
    expect(outbox.isCongested).toBe(false);
    socket.backlogBytes++;
    expect(outbox.isCongested).toBe(true);
  });
});
