import { describe, expect, it } from "vitest";
import { Configuration } from "../../../../src/relay/model/openai-realtime/configuration.js";
import { Outbox } from "../../../../src/relay/model/openai-realtime/outbox.js";
import { FakeDialer } from "../../../fakes/fake-upstream.js";
import { PROFILE, VAD } from "./session-stage.js";

function open() {
  const socket = new FakeDialer().dial("wss://model.test", {
    opened: () => undefined,
    message: () => undefined,
    closed: () => undefined,
  });
  const told: unknown[][] = [];
  const configuration = new Configuration(PROFILE, new Outbox(socket), {
    partRefused: (part, tool) => void told.push([part, tool]),
    turnsChanged: (turns) => void told.push(["turns", turns.interruptResponse]),
  });
  const fault = (param: string | null, eventId: string | null) => ({
    type: "invalid_request_error",
    code: "invalid_value",
    message: null,
    param,
    eventId,
  });
  return { socket, told, configuration, fault };
}

describe("Configuration", () => {
  it("knows the refusal of its first update by the id that it sent last", () => {
    const { configuration, fault, socket } = open();
    configuration.sendFirst();
    expect(configuration.isFirst("configure")).toBe(true);
    expect(
      configuration.firstRefused(fault("session.audio.input.transcription", "configure")),
    ).toBe(true);
    expect(configuration.isFirst("configure")).toBe(false);
    expect(configuration.isFirst(String(socket.sent.at(-1)?.["event_id"]))).toBe(true);
    expect(configuration.isFirst(null)).toBe(false);
  });

  it("sends nothing when nothing changes", () => {
    const { configuration, socket } = open();
    configuration.change({}, false);
    configuration.change({ voice: "cedar" }, true);
    expect(socket.sent).toEqual([]);
  });

  it("does not take another refusal for that of a change", () => {
    const { configuration, fault, told } = open();
    configuration.change({ instructions: "i" }, false);
    expect(configuration.changeRefused(fault("session.instructions", "note-1"))).toBe(false);
    expect(configuration.changeRefused(fault(null, null))).toBe(false);
    expect(told).toEqual([]);
  });

  it("gives a change up as a whole when the error does not tell which part", () => {
    const { configuration, fault, told, socket } = open();
    const turnDetection = { ...VAD, interruptResponse: false };
    configuration.change({ turnDetection, instructions: "i" }, false);
    const [sent] = socket.sent;
    expect(configuration.changeRefused(fault(null, String(sent?.["event_id"])))).toBe(true);
    expect(told).toEqual([
      ["turns", false],
      ["turns", true],
      ["turn_detection", null],
    ]);
    expect(socket.sent).toHaveLength(1);
  });

  it("takes the same refusal once", () => {
    const { configuration, fault, socket } = open();
    configuration.change({ instructions: "i" }, false);
    const refusal = fault("session.instructions", String(socket.sent[0]?.["event_id"]));
    expect(configuration.changeRefused(refusal)).toBe(true);
    expect(configuration.changeRefused(refusal)).toBe(false);
  });
});
