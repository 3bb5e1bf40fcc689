import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId } from "../../../../src/domain/ids.js";
import { Responses } from "../../../../src/relay/model/openai-realtime/responses.js";
import { UNREAD } from "../../../../src/relay/model/openai-realtime/unread-event.js";
import type { FunctionCallItem, RealtimeItem } from "../../../../src/wire/realtime-items.js";
import type { ResponseObject } from "../../../../src/wire/realtime-objects.js";

const id = (text: string) => text as ResponseId;
const item = (text: string) => text as ItemId;
const response = (more: Partial<ResponseObject> = {}): ResponseObject => ({
  id: id("r1"),
  status: "completed",
  statusDetails: null,
  output: [],
  conversationId: null,
  metadata: {},
  usage: null,
  ...more,
});
const call = (status: "completed" | "incomplete" | null): RealtimeItem => ({
  type: "function_call",
  id: item("f1"),
  callId: "c1" as never,
  name: "t",
  arguments: "{}",
  status,
});
const words = (kind: string, text: string): RealtimeItem => ({
  type: "message",
  id: item("m1"),
  role: "assistant",
  status: "completed",
  phase: "final_answer",
  content: [{ kind, text, transcript: null }],
});

describe("Responses", () => {
  it("knows the active response until its end, and not that of another one", () => {
    const responses = new Responses();
    responses.begins(id("r1"));
    responses.done(response({ id: id("r0") }));
    expect(responses.active).toBe("r1");
    responses.done(response());
    expect(responses.active).toBeNull();
  });

  it("takes the beginning and the end of a response once", () => {
    const responses = new Responses();
    expect([responses.begins(id("r1")), responses.begins(id("r1"))]).toEqual([true, false]);
    expect([responses.ends(id("r1")), responses.ends(id("r1"))]).toEqual([true, true]);
    responses.done(response());
    expect([responses.ends(id("r1")), responses.ends(id("r2"))]).toEqual([false, true]);
    // Also of one whose end came first.
    expect([responses.begins(id("r1")), responses.begins(id("r2"))]).toEqual([false, false]);
    expect(responses.active).toBeNull();
    for (let n = 3; n < 40; n++) responses.ends(id(`r${n}`));
    expect([responses.ends(id("r1")), responses.begins(id("r2"))]).toEqual([true, true]);
  });

  it("takes each response whose name could not be read for another one", () => {
    const responses = new Responses();
    for (let n = 0; n < 2; n++) {
      expect([responses.begins(id(UNREAD)), responses.ends(id(UNREAD))]).toEqual([true, true]);
      responses.done(response({ id: id(UNREAD) }));
    }
  });

  it("keeps what was heard of a response whose beginning is told again", () => {
    const responses = new Responses();
    responses.begins(id("r1"));
    responses.spoke();
    responses.begins(id("r1"));
    expect(responses.done(response()).spoke).toBe(true);
  });

  it("tells of each response by itself whether it was heard, and of the session for ever", () => {
    const responses = new Responses();
    responses.begins(id("r1"));
    responses.spoke();
    expect([responses.activeSpoke, responses.done(response()).spoke]).toEqual([true, true]);
    responses.begins(id("r2"));
    expect([responses.activeSpoke, responses.hasSpoken]).toEqual([false, true]);
    expect(responses.done(response({ id: id("r2") })).spoke).toBe(false);
  });

  it.each([
    [call("completed"), "completed", 1],
    [call("incomplete"), "incomplete", 0],
    [call("completed"), "cancelled", 1],
    [call(null), "completed", 1],
    [call(null), "incomplete", 0],
  ] as const)("reports calls that are complete: %j of a %s response", (output, status, count) => {
    expect(new Responses().done(response({ output: [output], status })).calls).toHaveLength(count);
  });

  it.each([
    ["completed", null, 1],
    ["unknown", null, 1],
    ["failed", "event_not_read", 1],
    ["failed", null, 0],
    ["cancelled", "turn_detected", 0],
    ["incomplete", "max_output_tokens", 0],
  ] as const)("runs calls that a %s response (%s) reported before its end", (status, reason, n) => {
    const responses = new Responses();
    const told = call("completed") as FunctionCallItem;
    responses.toldCall(id("r1"), told);
    responses.toldCall(id("r1"), told);
    const none = { errorType: null, errorCode: null, errorMessage: null };
    const statusDetails = reason === null ? null : { ...none, reason };
    const end = responses.done(response({ status, statusDetails }));
    expect(end.calls).toHaveLength(n);
    if (n === 1) expect(end.status).toBe("completed");
    // Once, and for that response alone.
    expect(responses.done(response()).calls).toEqual([]);
  });

  it("runs what the end of a response has, where it has calls", () => {
    const responses = new Responses();
    responses.toldCall(id("r1"), { ...(call("completed") as FunctionCallItem), name: "told" });
    const { calls } = responses.done(response({ output: [call("completed")] }));
    expect(calls.map(({ name }) => name)).toEqual(["t"]);
    responses.toldCall(id("r2"), call("incomplete") as FunctionCallItem);
    expect(responses.done(response({ id: id("r2") })).calls).toEqual([]);
    responses.toldCall(id("r3"), call("completed") as FunctionCallItem);
    expect(responses.done(response({ id: id("r4") })).calls).toEqual([]);
  });

  it("tells the most exact reason that the server gave", () => {
    const details = { reason: "r", errorType: "t", errorCode: "c", errorMessage: "m" };
    const problem = (changes: Partial<typeof details & Record<string, string | null>>) =>
      new Responses().done(
        response({ status: "failed", statusDetails: { ...details, ...changes } }),
      ).problem;
    expect(problem({})).toBe("c");
    expect(problem({ errorCode: null } as never)).toBe("t");
    expect(problem({ errorCode: null, errorType: null } as never)).toBe("r");
  });

  it("takes a written reply for text only when nothing tells of sound", () => {
    const textOnly = (prepare: (responses: Responses) => void, output: RealtimeItem[]) => {
      const responses = new Responses();
      responses.begins(id("r1"));
      prepare(responses);
      return responses.done(response({ output })).textOnly;
    };
    const nothing = () => undefined;
    expect(textOnly(nothing, [words("output_text", "Hi")])).toBe("Hi");
    expect(textOnly((r) => r.wroteText(item("m1"), "Hi"), [])).toBe("Hi");
    expect(textOnly((r) => r.wroteText(item("m1"), "a"), [words("output_text", "a")])).toBe("a");
    expect(textOnly((r) => r.spoke(), [words("output_text", "Hi")])).toBeNull();
    expect(textOnly((r) => r.hasSound(), [words("output_text", "Hi")])).toBeNull();
    expect(textOnly(nothing, [words("output_audio", "Hi")])).toBeNull();
    expect(textOnly((r) => r.interrupt(id("r1")), [words("output_text", "Hi")])).toBeNull();
  });

  it("tells the texts that came only with the end of their response", () => {
    const responses = new Responses();
    responses.begins(id("r1"));
    const end = response({ output: [words("output_text", "Hi")] });
    expect(responses.unreportedTexts(end)).toEqual([{ itemId: "m1", text: "Hi" }]);
    responses.wroteText(item("m1"), "Hi");
    expect(responses.unreportedTexts(end)).toEqual([]);
    responses.begins(id("r2"));
    responses.spoke();
    expect(responses.unreportedTexts(end)).toEqual([]);
  });

  it("hands out the items that were not heard once, and never more than it keeps", () => {
    const responses = new Responses();
    for (let n = 0; n < 1_000; n++) responses.unheard(item(`i${n}`));
    expect(responses.takeUnheard()).toHaveLength(64);
    expect(responses.takeUnheard()).toEqual([]);
  });

  it("remembers the last interrupted responses", () => {
    const responses = new Responses();
    for (let n = 0; n < 100; n++) responses.interrupt(id(`r${n}`));
    responses.interrupt(id("r99"));
    expect(responses.isInterrupted(id("r99"))).toBe(true);
    expect(responses.isInterrupted(id("r68"))).toBe(true);
    expect(responses.isInterrupted(id("r0"))).toBe(false);
  });
});
