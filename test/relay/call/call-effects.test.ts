import { describe, expect, it } from "vitest";
import type { CallHost } from "../../../src/relay/call/call-deps.js";
import { CallEffects, type CallEffectsHost } from "../../../src/relay/call/call-effects.js";
import type { CallEvent, CallState, Effect } from "../../../src/relay/call/call-events.js";
import type { CallLanguage } from "../../../src/relay/call/call-language.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { Told } from "../../fakes/told.js";

interface Given {
  readonly state?: CallState["name"];
  readonly hasSession?: boolean;
  readonly asksWhatFollows?: boolean;
  readonly transcriptsDue?: boolean;
  readonly isGreeted?: boolean;
  readonly isFirstWord?: boolean;
  readonly answersTold?: boolean;
  readonly remainingMs?: number;
}

/** A call whose parts keep what is asked of them. */
function stage(given: Given = {}) {
  const record = new Told();
  const { lines: told } = record;
  const keep = (name: string) => record.keep(name);
  const clock = new FakeClock();
  const dispatched: CallEvent[] = [];
  const session = {
    speak: keep("session.speak"),
    stopSpeaking: keep("session.stopSpeaking"),
    note: keep("session.note"),
    requestResponse: keep("session.requestResponse"),
  };
  const call = {
    state: { name: given.state ?? "talking" },
    session: given.hasSession === false ? null : session,
    log: new FakeLog(),
    budget: { costUsd: null },
    path: {
      capabilities: { asksWhatFollows: given.asksWhatFollows ?? true },
      connect: keep("path.connect"),
      release: keep("path.release"),
      attach: keep("path.attach"),
      silence: keep("path.silence"),
      close: keep("path.close"),
      mute: keep("path.mute"),
      stop: keep("path.stop"),
      agentLeft: keep("path.agentLeft"),
      remainingMs: () => given.remainingMs ?? 0,
    },
    eventLog: { atMs: 0, ended: keep("log.ended"), moved: keep("log.moved"), note: keep("note") },
    reply: {
      isFirstWord: given.isFirstWord ?? false,
      dialling: keep("reply.dialling"),
      awaitPerson: keep("reply.awaitPerson"),
      withdraw: keep("reply.withdraw"),
    },
    tools: {
      sessionReady: () => given.answersTold ?? false,
      cancel: keep("tools.cancel"),
      cancelRunning: keep("tools.cancelRunning"),
    },
    transcripts: { areComplete: given.transcriptsDue !== true },
    greeting: { isDone: given.isGreeted ?? false, begin: keep("greeting.begin") },
    keys: { forget: keep("keys.forget") },
    dispatch: (event: CallEvent) => void dispatched.push(event),
  };
  const host = {
    announce: keep("host.announce"),
    handOver: keep("host.handOver"),
    fallBack: keep("host.fallBack"),
    callerGone: keep("host.callerGone"),
    ended: keep("host.ended"),
    movedAway: keep("host.movedAway"),
  };
  const effects = new CallEffects(
    call as unknown as CallEffectsHost,
    host as unknown as CallHost<CallEffectsHost>,
    { ready: keep("language.ready") } as unknown as CallLanguage,
    clock,
  );
  return { told, clock, dispatched, effects };
}

function told(effect: Effect, given: Given = {}): readonly string[] {
  const one = stage(given);
  one.effects.carryOut(effect);
  return one.told;
}

/** After how many ms the timer goes off; null: it is not set. */
function patienceMs(timer: "claim" | "arrival" | "farewell" | "transcripts", given: Given = {}) {
  const { effects, clock, dispatched } = stage(given);
  effects.carryOut({ do: "arm", timer });
  if (clock.pending === 0) return null;
  while (dispatched.length === 0) clock.advance(100);
  expect(dispatched).toEqual([{ type: "timer", timer }]);
  return clock.nowMs();
}

describe("the effects of a call", () => {
  it.each<[Effect, readonly string[]]>([
    [{ do: "open_session" }, ["reply.dialling", "path.connect false"]],
    [{ do: "redial" }, ["reply.dialling", "path.connect true"]],
    [{ do: "silence_agent" }, ["path.silence", "session.stopSpeaking"]],
    [{ do: "tell_caller_gone" }, ["host.callerGone"]],
    [{ do: "keep_company" }, ["path.agentLeft"]],
    [{ do: "await_person" }, ["reply.awaitPerson"]],
    [{ do: "caller_taken" }, ["reply.withdraw"]],
    [{ do: "close_line", how: "hang_up" }, ["path.close hang_up"]],
    [{ do: "release_model", why: "transfer" }, ["path.release transfer"]],
    [
      { do: "move_away" },
      ["tools.cancel", "keys.forget", "path.stop", "log.moved", "host.movedAway"],
    ],
    [
      { do: "finish", outcome: "completed", reason: "agent" },
      ["tools.cancel", "keys.forget", "path.stop", "log.ended completed agent 0", "host.ended"],
    ],
  ])("%j reaches the parts that it concerns", (effect, expected) => {
    expect(told(effect)).toEqual(expected);
  });

  it.each([
    ["transfer", false, true],
    ["stream_broke", false, false],
    ["transfer", true, false],
  ] as const)(
    "of a model released for %s (session kept: %s) cancel its tools: %s",
    (why, hasSession, cancels) => {
      const lines = told({ do: "release_model", why }, { hasSession });
      expect(lines.includes("tools.cancelRunning")).toBe(cancels);
    },
  );
});

describe("the beginning of a session", () => {
  const begun = (how: "greet" | "resume" | "return" | "reattach", given: Given) =>
    told({ do: "begin", how }, given)
      .slice(2)
      .map((line) => line.split(" ")[0]);

  it.each<[Parameters<typeof begun>[0], Given, readonly string[]]>([
    ["greet", {}, ["greeting.begin"]],
    ["resume", {}, ["greeting.begin"]],
    ["return", {}, []],
    ["return", { isFirstWord: true }, ["session.requestResponse"]],
    ["resume", { isGreeted: true }, []],
    ["resume", { isGreeted: true, isFirstWord: true }, ["session.note", "session.requestResponse"]],
    ["resume", { isGreeted: true, isFirstWord: true, answersTold: true }, []],
    ["reattach", { isGreeted: true, isFirstWord: true }, []],
  ])("%s with %j leads to %j", (how, given, expected) => {
    expect(begun(how, given)).toEqual(expected);
  });

  it("does nothing where the session is gone again", () => {
    expect(told({ do: "begin", how: "greet" }, { hasSession: false })).toEqual([]);
  });
});

describe("the fallback", () => {
  const effect = { do: "fall_back", reason: "x", asked: false } as const;

  it("closes the stream so that Twilio asks what follows, and waits for the question", () => {
    const { effects, told: lines, clock } = stage({ state: "handing_over" });
    effects.carryOut(effect);
    expect(lines).toEqual(["note fallback", "host.fallBack x true", "path.close stream_only"]);
    expect(clock.pending).toBe(1);
  });

  it.each<[string, Given, Effect, string]>([
    ["Twilio has asked already", { state: "handing_over" }, { ...effect, asked: true }, "true"],
    ["Twilio must be told", { state: "handing_over", asksWhatFollows: false }, effect, "false"],
    ["the call has ended meanwhile", { state: "ended" }, effect, "true"],
  ])("closes nothing where %s", (_, given, one, follows) => {
    expect(told(one, given)).toEqual(["note fallback", `host.fallBack x ${follows}`]);
  });
});

describe("the wait for transcripts", () => {
  it.each<[string, Given, boolean]>([
    ["there is no session", { hasSession: false, transcriptsDue: true }, false],
    ["none is due", {}, false],
    ["some are due", { transcriptsDue: true }, true],
  ])("when %s: %j", (_, given, waits) => {
    const { effects, told: lines, dispatched, clock } = stage(given);
    effects.carryOut({ do: "await_transcripts" });
    expect(dispatched).toEqual(waits ? [] : [{ type: "transcripts_complete" }]);
    expect(lines.includes("path.mute")).toBe(waits);
    expect(clock.pending).toBe(waits ? 1 : 0);
  });
});

describe("the timers of a call", () => {
  it.each<[Parameters<typeof patienceMs>[0], Given, number | null]>([
    ["claim", {}, 10_000],
    ["arrival", { state: "offered" }, 120_000],
    ["arrival", { state: "returning" }, 30_000],
    ["arrival", { asksWhatFollows: false }, null],
    ["transcripts", {}, 3_000],
    ["farewell", {}, 12_000],
    ["farewell", { remainingMs: 5_000 }, 17_000],
    ["farewell", { remainingMs: 60_000 }, 30_000],
  ])("%s with %j is awaited for %s ms", (timer, given, ms) => {
    expect(patienceMs(timer, given)).toBe(ms);
  });

  it("are not awaited any more once they are disarmed", () => {
    const { effects, clock } = stage();
    effects.carryOut({ do: "arm", timer: "claim" });
    effects.carryOut({ do: "disarm", timer: "claim" });
    expect(clock.pending).toBe(0);
  });
});
