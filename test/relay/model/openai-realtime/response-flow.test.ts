import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId } from "../../../../src/domain/ids.js";
import type { ModelSessionEvents } from "../../../../src/relay/model/model-session.js";
import { Outbox } from "../../../../src/relay/model/openai-realtime/outbox.js";
import { ResponseFlow } from "../../../../src/relay/model/openai-realtime/response-flow.js";
import type { ResponseObject } from "../../../../src/wire/realtime-objects.js";
import { FakeDialer } from "../../../fakes/fake-upstream.js";
import { PROFILE } from "./session-stage.js";

const response = (id: string, more: Partial<ResponseObject> = {}): ResponseObject => ({
  id: id as ResponseId,
  status: "completed",
  statusDetails: null,
  output: [],
  conversationId: null,
  metadata: {},
  usage: null,
  ...more,
});

function open(direct = false) {
  const socket = new FakeDialer().dial("wss://model.test", {
    opened: () => undefined,
    message: () => undefined,
    closed: () => undefined,
  });
  const told: unknown[][] = [];
  const askedMs: number[] = [];
  const events = new Proxy({} as ModelSessionEvents, {
    get:
      (_target, name) =>
      (...args: unknown[]) =>
        void told.push([name, ...args]),
  });
  const flow = new ResponseFlow({
    profile: PROFILE,
    events,
    outbox: new Outbox(socket),
    direct,
    asked: (nowMs) => void askedMs.push(nowMs),
  });
  return { socket, told, askedMs, flow };
}

describe("ResponseFlow", () => {
  it("tells when a request leaves, and sends the instructions with it", () => {
    const { flow, socket, askedMs } = open();
    flow.say("Say goodbye.", false, 100);
    flow.reply(200);
    expect(askedMs).toEqual([100]);
    expect(socket.of("response.create")).toEqual([
      { type: "response.create", event_id: "create-1", response: { instructions: "Say goodbye." } },
    ]);
    flow.created(response("r1"));
    flow.done(response("r1"), 300);
    flow.sendDue(400);
    expect(askedMs).toEqual([100, 400]);
    expect(socket.of("response.create").at(-1)).not.toHaveProperty("response");
  });

  it("reports every message of a response that was not interrupted as complete", () => {
    const { flow, told } = open();
    const message = { type: "message", id: "i1", role: "assistant", content: [] } as never;
    flow.created(response("r1"));
    flow.done(response("r1", { output: [message] }), 0);
    flow.created(response("r2"));
    flow.interrupted([]);
    flow.done(response("r2", { output: [message] }), 0);
    expect(told.filter(([name]) => name === "audioDone")).toEqual([["audioDone", "i1"]]);
  });

  it("fails with the session when the account is at fault, without a report of the response", () => {
    const { flow, told } = open();
    const details = {
      reason: null,
      errorType: null,
      errorCode: "insufficient_quota",
      errorMessage: null,
    };
    flow.created(response("r1"));
    const failure = flow.done(response("r1", { status: "failed", statusDetails: details }), 0);
    expect(failure).toMatchObject({ code: "upstream_account" });
    expect(told.map(([name]) => name)).not.toContain("responseDone");
  });

  it("stops a model whose audio the server plays also in the server's buffer", () => {
    for (const direct of [false, true]) {
      const { flow, socket } = open(direct);
      flow.say("later", false, 0);
      flow.created(response("r1"));
      flow.say("never", false, 0);
      flow.stopSpeaking(false);
      expect(socket.of("response.cancel")).toMatchObject([{ response_id: "r1" }]);
      expect(socket.of("output_audio_buffer.clear")).toHaveLength(direct ? 1 : 0);
      flow.done(response("r1", { status: "cancelled" }), 10);
      flow.sendDue(20);
      expect(socket.of("response.create")).toHaveLength(1);
    }
  });

  it("clears what the server still plays of a response that is complete", () => {
    for (const direct of [false, true]) {
      const { flow, socket } = open(direct);
      flow.stopSpeaking(false);
      flow.stopSpeaking(true);
      expect(socket.of("response.cancel")).toEqual([]);
      expect(socket.of("output_audio_buffer.clear")).toHaveLength(direct ? 1 : 0);
    }
  });

  it("keeps no more truncations than may still be refused", () => {
    const { flow, socket } = open();
    const cut = (n: number) => ({
      itemId: `i${n}` as ItemId,
      responseId: "r1" as ResponseId,
      contentIndex: 0,
      heardMs: 0,
    });
    for (let n = 0; n < 100; n++) flow.interrupted([cut(n)]);
    const fault = (eventId: unknown) => ({
      type: null,
      code: "invalid_value",
      message: null,
      param: null,
      eventId: String(eventId),
    });
    const [first] = socket.of("conversation.item.truncate");
    const last = socket.of("conversation.item.truncate").at(-1);
    expect(flow.refused(fault(first?.["event_id"]), 0)).toBe(true);
    expect(socket.of("conversation.item.delete")).toEqual([]);
    expect(flow.refused(fault(last?.["event_id"]), 0)).toBe(true);
    expect(socket.of("conversation.item.delete")).toMatchObject([{ item_id: "i99" }]);
    expect(flow.refused(fault("note-1"), 0)).toBe(false);
  });
});
