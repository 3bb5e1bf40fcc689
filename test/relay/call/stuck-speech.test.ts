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
  const heard = { soundUntilMs: 0, silentSinceMs };
  const calls: string[] = [];
  const host = {
    agent: { replyTimeoutMs: 4_000 },
    session: {
      askAgain: () => void calls.push("askAgain"),
      callerSilent: () => void calls.push("callerSilent"),
    },
    path: { heard: () => heard, playComfort: () => undefined },
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
  /** The model answers what it was asked for; the caller hears it for two seconds. */
  const answer = (): void => {
    reply.audible();
    heard.soundUntilMs = clock.nowMs() + 2_000;
  };
  return { reply, run, calls, heard, clock, answer };
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
      // They may speak still: the line is not quiet, and the model reports no end.
      expect(reply.isCallerSpeaking).toBe(true);
    },
  );
});

describe("a turn that was answered although the model still waits for its end", () => {
  const forced = ["callerSilent", "askAgain"];

  it("is answered again after a minute of noise, three times, and then by a person", () => {
    const { reply, run, calls, answer } = watch(null);
    reply.callerSpeech(true);
    run(53_000);
    for (let n = 1; n <= 3; n++) {
      run(11_500);
      expect(calls.splice(0)).toEqual(forced);
      answer();
      // Nobody asks a caller who may be speaking whether they are there.
      expect(reply.isCallerSpeaking).toBe(true);
      run(55_000);
      expect(calls).toEqual([]);
    }
    run(10_000);
    expect(calls).toEqual(["given up"]);
  });

  it("is answered soon where the relay hears that the caller has spoken and stopped", () => {
    const { reply, run, calls, heard, clock, answer } = watch();
    reply.callerSpeech(true);
    run(5_500);
    expect(calls.splice(0)).toEqual(forced);
    answer();
    run(20_000);
    // Silent since the end of the agent's own sound: that was no speech.
    heard.silentSinceMs = heard.soundUntilMs + 500;
    run(20_000);
    expect(calls).toEqual([]);
    expect(reply.isCallerSpeaking).toBe(false);
    heard.silentSinceMs = clock.nowMs();
    run(4_900);
    expect(calls).toEqual([]);
    run(200);
    expect(calls).toEqual(forced);
  });

  it("is over when the model reports its end, or another turn", () => {
    for (const speaking of [false, true]) {
      const { reply, run, calls, answer } = watch(null);
      reply.callerSpeech(true);
      run(64_500);
      answer();
      calls.length = 0;
      reply.callerSpeech(speaking);
      expect(reply.isCallerSpeaking).toBe(speaking);
      run(58_000);
      expect(calls).toEqual([]);
      reply.callerSpeech(false);
      run(100_000);
      expect(calls).toEqual([]);
    }
  });
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
