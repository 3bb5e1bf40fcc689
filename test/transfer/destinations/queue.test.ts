import { describe, expect, it } from "vitest";
import { MAX_QUEUE_S, queue, waitTwiml } from "../../../src/transfer/destinations/queue.js";
import { readLink } from "../../../src/transfer/transfer-link.js";
import { document, parts, verb } from "../document-parts.js";

describe("queue", () => {
  it("puts the caller into the queue of that name, with a page for the wait", () => {
    const made = verb(document(parts("queue")), "enqueue");
    expect(made.target).toEqual({ type: "queue", name: "support" });
    const page = (url: string | undefined) =>
      readLink(Object.fromEntries(new URL(url ?? "").searchParams))?.page;
    expect([page(made.action), page(made.waitUrl)]).toEqual(["document", "wait"]);
  });

  it("reads its entry", () => {
    const base = { name: "q", description: "", then: null, maxPerHour: null };
    expect(queue.read(base, { enqueue: "support" })).toEqual({
      ...base,
      kind: "enqueue",
      queue: "support",
    });
  });

  it.each([
    ["bridged", "answered", false],
    ["bridging-in-process", "answered", false],
    ["redirected", "answered", false],
    ["redirected-from-bridged", "answered", false],
    ["leave", "no_answer", false],
    ["hangup", "no_answer", true],
    ["queue-full", "busy", false],
    ["system-error", "failed", false],
    ["error", "failed", false],
  ])("takes QueueResult %s for %s, the call over: %s", (QueueResult, result, callOver) => {
    expect(queue.end({ QueueResult, CallStatus: "in-progress" })).toEqual({ result, callOver });
  });

  it("sees that the call is over by its status, too", () => {
    expect(queue.end({ QueueResult: "leave", CallStatus: "completed" }).callOver).toBe(true);
  });

  it("waits for news longer than any caller can be in the queue", () => {
    const made = parts("queue");
    expect(queue.answerTimeS(made.destination as never)).toBeGreaterThan(MAX_QUEUE_S);
  });
});

describe("the wait in a queue", () => {
  it("tells the place in line and plays something", () => {
    expect(waitTwiml(3, 20, "en", "https://x.example.com/a.mp3")).toEqual([
      { verb: "say", text: "You are number 3 in line. Thank you for holding.", language: "en-US" },
      { verb: "play", url: "https://x.example.com/a.mp3" },
    ]);
  });

  it("has words when Twilio does not tell the place, and a pause without music", () => {
    expect(waitTwiml(null, 20, "en", null)).toEqual([
      { verb: "say", text: "Thank you for holding.", language: "en-US" },
      { verb: "pause", seconds: 10 },
    ]);
  });

  it("ends after half an hour", () => {
    expect(waitTwiml(1, MAX_QUEUE_S - 1, "en", null)).toHaveLength(2);
    expect(waitTwiml(1, MAX_QUEUE_S, "en", null)).toEqual([{ verb: "leave" }]);
  });
});
