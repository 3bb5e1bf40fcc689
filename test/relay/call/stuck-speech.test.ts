import { describe, expect, it } from "vitest";
import type { ResponseId } from "../../../src/domain/ids.js";
import { ReplyWatch, type ReplyWatchHost } from "../../../src/relay/call/reply-watch.js";
import type { ResponseEnd } from "../../../src/relay/model/model-session.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";

const END: ResponseEnd = {
  responseId: "" as ResponseId,
  status: "completed",
  calls: [],
  spoke: false,
  problem: null,
  retryAfterMs: null,
  textOnly: null,
  mcpCalls: [],
  phase: null,
};

/**
 * A caller to whom a reply is due; the model may believe that they speak.
 *
 * @param silentSinceMs  for the relay's own detection: since the start, or never.
 */
function watch(silentSinceMs: number | null = 0) {
  const clock = new FakeClock();
  const calls: string[] = [];
  const host = {
    agent: { replyTimeoutMs: 4_000 },
    session: {
      askAgain: () => void calls.push("askAgain"),
      callerSilent: () => void calls.push("callerSilent"),
    },
    path: { heard: () => ({ soundUntilMs: 0, silentSinceMs }), playComfort: () => undefined },
    eventLog: { note: () => undefined },
    log: new FakeLog(),
    isWithAgent: true,
    say: () => undefined,
    replyGivenUp: () => void calls.push("given up"),
  } as unknown as ReplyWatchHost;
  const reply = new ReplyWatch(host, clock, new FakeMetrics().metrics);
  const run = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      reply.tick(clock.nowMs());
    }
  };
  return { reply, run, calls };
}

describe("a model that believes that the caller is still speaking", () => {
  it("is told otherwise before the reply is requested again", () => {
    const { reply, run, calls } = watch();
    reply.owe("caller_turn");
    reply.callerSpeech(true);
    run(3_500);
    expect(calls).toEqual([]);
    run(1_000);
    expect(calls.slice(0, 2)).toEqual(["callerSilent", "askAgain"]);
  });

  it("is told nothing when it knows that the caller has stopped", () => {
    const { reply, run, calls } = watch();
    reply.callerSpeech(true);
    reply.callerSpeech(false);
    reply.owe("caller_turn");
    run(6_000);
    expect(calls).toContain("askAgain");
    expect(calls).not.toContain("callerSilent");
  });

  it("is told otherwise although nothing was owed", () => {
    const { reply, run, calls } = watch();
    reply.callerSpeech(true);
    run(4_500);
    expect(calls).toEqual([]);
    run(1_000);
    expect(calls).toEqual(["callerSilent", "askAgain"]);
  });
});

describe("a line that is never quiet", () => {
  it("keeps a caller waiting for a minute, whether or not a reply is owed, and not for ever", () => {
    for (const isOwed of [false, true]) {
      const { reply, run, calls } = watch(null);
      if (isOwed) reply.owe("caller_turn");
      run(1_000);
      reply.callerSpeech(true);
      run(29_000);
      // A server that repeats itself says nothing new.
      reply.callerSpeech(true);
      run(30_000);
      expect(calls).toEqual([]);
      run(6_000);
      expect(calls).toEqual(["callerSilent", "askAgain"]);
      run(10_000);
      expect(calls.at(-1)).toBe("given up");
    }
  });
});

describe("a caller who speaks for longer than a minute", () => {
  it.each(["prompt", "tool_result", "session_lost"] as const)(
    "is answered, and not given up, whatever became owed meanwhile: %s",
    (cause) => {
      const { reply, run, calls } = watch(null);
      reply.callerSpeech(true);
      run(20_000);
      reply.owe(cause);
      run(39_900);
      expect(calls).toEqual([]);
      run(5_000);
      expect(calls).toEqual(["callerSilent", "askAgain"]);
      expect(reply.isCallerSpeaking).toBe(false);
    },
  );
});

describe("the end of a response", () => {
  it("that never began does not end the one that is open", () => {
    const { reply, run, calls } = watch();
    reply.owe("caller_turn");
    reply.responseStarted("r1" as ResponseId);
    reply.responseDone({ ...END, responseId: "r0" as ResponseId }, false);
    run(10_000);
    // Comfort, not a second request: r1 is still under way.
    expect(calls).not.toContain("askAgain");
    reply.responseDone({ ...END, responseId: "r1" as ResponseId }, false);
    run(200);
    expect(calls).toContain("askAgain");
  });
});
