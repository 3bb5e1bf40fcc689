import { describe, expect, it } from "vitest";
import { toLink, toQuery } from "../../console/calls-filter.js";
import { Figures } from "../../console/figures.js";
import { caller, clockTime, spanOf } from "../../console/format.js";
import { LINGER_MS, LiveCalls } from "../../console/live-calls.js";
import { Resampler } from "../../console/resampler.js";
import { phoneIn, readRoute } from "../../console/route.js";
import { heardAndNot } from "../../console/turns.js";
import { refusalText } from "../../console/words.js";
import type { CallSid, ItemId, StreamSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";

const AT = "2026-11-21T08:00:10.000Z";
const BEGAN_MS = Date.parse("2026-11-21T08:00:00.000Z");
const opened = (n = 0): RecordEvent => ({
  type: "opened",
  epochMs: BEGAN_MS + n,
  agent: "support",
  direction: "inbound",
  from: `+1555010${1000 + n}`,
  to: "+15550001111",
  path: "media-stream",
  node: "a",
});
const heard = (id: string, interruptedAtMs: number | null): RecordEvent => ({
  type: "agent_heard",
  itemId: id as ItemId,
  endedMs: 900,
  heardMs: 100,
  receivedMs: 700,
  interruptedAtMs,
});
const callerTurn = (endedMs: number | null): RecordEvent => ({
  type: "caller_turn",
  itemId: "2" as ItemId,
  startedMs: 1_000,
  endedMs,
});
/** Each with what is to be seen then. */
const STEPS: readonly (readonly [RecordEvent, string, string])[] = [
  [opened(), "ringing", ""],
  [{ type: "stream_started", atMs: 100, streamSid: "MZ1" as StreamSid }, "listening", ""],
  [
    { type: "agent_turn", itemId: "1" as ItemId, startedMs: 200, voiceToVoiceMs: null },
    "agent",
    "",
  ],
  [heard("1", null), "listening", ""],
  [callerTurn(null), "caller", ""],
  [callerTurn(2_000), "thinking", ""],
  [
    {
      type: "tool",
      atMs: 2_100,
      name: "lookup",
      arguments: "{}",
      output: "{}",
      ms: 5,
      outcome: "ok",
    },
    "tool",
    "lookup",
  ],
  [
    { type: "agent_turn", itemId: "3" as ItemId, startedMs: 2_500, voiceToVoiceMs: 500 },
    "agent",
    "",
  ],
  [heard("3", null), "listening", ""],
  [
    {
      type: "transfer_requested",
      atMs: 3_000,
      destination: "desk",
      kind: "dial",
      reason: null,
      summary: null,
      urgency: null,
      by: "key",
    },
    "transfer",
    "desk",
  ],
  [
    { type: "transfer_outcome", atMs: 4_000, destination: "desk", outcome: "busy" },
    "listening",
    "",
  ],
  [{ type: "ended", atMs: 10_000, outcome: "completed", reason: "done" }, "ended", "completed"],
];

describe("live calls", () => {
  const tell = (calls: LiveCalls, callSid: string, event: RecordEvent) =>
    calls.apply({ ...event, callSid, at: AT });

  it("say what is happening, event by event", () => {
    const calls = new LiveCalls();
    const told = STEPS.map(([event]) => {
      tell(calls, "CA1", event);
      const row = calls.get("CA1");
      return [row?.phase, row?.detail];
    });
    expect(told).toEqual(STEPS.map(([, phase, detail]) => [phase, detail]));
    expect(calls.get("CA1")).toMatchObject({
      agent: "support",
      number: "+15550101000",
      startedMs: BEGAN_MS,
      voiceToVoiceMs: 500,
    });
  });

  it("say the same when they are read as records instead", () => {
    for (let n = 1; n < STEPS.length; n++) {
      const events = STEPS.slice(0, n).map(([event]) => event);
      const calls = new LiveCalls();
      calls.reset([applyEvents(emptyRecord("CA1" as CallSid), events)]);
      const [, phase, detail] = STEPS[n - 1]!;
      // That a tool has just answered is the one thing that a record does not tell.
      const wanted = phase === "tool" ? ["thinking", ""] : [phase, detail];
      const row = calls.get("CA1");
      expect([n, row?.phase, row?.detail]).toEqual([n, ...wanted]);
    }
  });

  it("count an interruption once, however often it is told", () => {
    const calls = new LiveCalls();
    tell(calls, "CA1", opened());
    for (const id of ["1", "1", "2"]) tell(calls, "CA1", heard(id, 900));
    tell(calls, "CA1", heard("3", null));
    expect(calls.get("CA1")?.interruptions).toBe(2);
  });

  it("let go of a call a while after its end, and nothing late brings it back", () => {
    const calls = new LiveCalls();
    tell(calls, "CA1", opened());
    tell(calls, "CA1", { type: "ended", atMs: 1, outcome: "completed", reason: "done" });
    expect([calls.size, calls.find("", 10).matching]).toEqual([0, 1]);
    expect(calls.tidy(Date.parse(AT) + LINGER_MS - 1)).toBe(false);
    expect(calls.tidy(Date.parse(AT) + LINGER_MS)).toBe(true);
    tell(calls, "CA1", { type: "recording", sid: "RE1", file: "x.wav" });
    expect(calls.find("", 10).matching).toBe(0);
  });

  it("are found by what they hold, newest first, as many as are wanted", () => {
    const calls = new LiveCalls();
    for (let n = 0; n < 300; n++) tell(calls, `CA${n}`, opened(n));
    const all = calls.find("", 100);
    expect([all.matching, all.rows.length, all.rows[0]?.callSid]).toEqual([300, 100, "CA299"]);
    expect(calls.find("0101007", 100).rows.map(({ callSid }) => callSid)).toEqual(["CA7"]);
    expect(calls.find("SUPPORT ", 100).matching).toBe(300);
    expect(calls.find("nobody", 100).matching).toBe(0);
  });
});

describe("what was heard of a turn", () => {
  const turn = { text: "One two three.", heardText: "One two", interruptedAtMs: 900, endedMs: 900 };
  it.each([
    [turn, { heard: "One two", unheard: " three." }],
    [
      { ...turn, heardText: "" },
      { heard: "", unheard: "One two three." },
    ],
    [
      { ...turn, heardText: "One two three." },
      { heard: "One two three.", unheard: "" },
    ],
    // It is still being played.
    [
      { ...turn, heardText: null, endedMs: null },
      { heard: "One two three.", unheard: "" },
    ],
    // It was cleaned in one and not in the other.
    [
      { ...turn, heardText: "Uno" },
      { heard: "Uno", unheard: "" },
    ],
    [
      { ...turn, text: null, heardText: null },
      { heard: "", unheard: "" },
    ],
  ])("%o", (given, told) => expect(heardAndNot(given)).toEqual(told));
});

describe("figures", () => {
  const text = [
    "# TYPE murelay_calls_total counter",
    'murelay_calls_total{outcome="completed",worker="0"} 5',
    'murelay_calls_total{outcome="failed",worker="0"} 1',
    'murelay_calls_total{outcome="failed",worker="1"} 2',
    ...[0, 1].flatMap((worker) => [
      `murelay_v_seconds_bucket{le="0.5",worker="${worker}"} 5`,
      `murelay_v_seconds_bucket{le="1",worker="${worker}"} 10`,
      `murelay_v_seconds_bucket{le="+Inf",worker="${worker}"} 10`,
    ]),
    'murelay_empty_seconds_bucket{le="+Inf"} 0',
  ].join("\n");
  const figures = new Figures(text);

  it("add up all workers", () => {
    expect(figures.sum("murelay_calls_total")).toBe(8);
    expect(figures.sum("murelay_calls_total", 'outcome="failed"')).toBe(3);
    expect(figures.sum("murelay_nothing")).toBeNull();
  });

  it("estimate quantiles inside a bucket", () => {
    expect(figures.quantileMs("murelay_v_seconds", 0.5)).toBe(500);
    expect(figures.quantileMs("murelay_v_seconds", 0.75)).toBe(750);
    expect(figures.quantileMs("murelay_empty_seconds", 0.5)).toBeNull();
    expect(figures.quantileMs("murelay_nothing", 0.5)).toBeNull();
  });
});

describe("words and addresses", () => {
  it("mask a number so that two callers can be told apart, and no more", () => {
    expect(caller("+15550100001", false)).toBe("+1••••••••01");
    expect(caller("+15550100001", true)).toBe("+15550100001");
    expect(caller("sip:ada@example.com", false)).toBe("sip:…");
    expect(caller(null, false)).toBe("unknown");
  });

  it("tell times", () => {
    expect([clockTime(65_400), clockTime(3_723_000)]).toEqual(["1:05", "1:02:03"]);
    expect([spanOf(840.4), spanOf(1_400), spanOf(null)]).toEqual(["840 ms", "1.4 s", "–"]);
  });

  it.each([
    ["#/calls/CA1", { page: "call", callSid: "CA1" }],
    ["#/calls/CA1/inspect", { page: "inspect", callSid: "CA1", atMs: 0, zoom: 1 }],
    ["#/calls/%zz", { page: "call", callSid: "%zz" }],
    ["#/ended?agent=a%20b", { page: "ended", filter: { agent: "a b" } }],
    ["#/health", { page: "health" }],
    ["#/live?sort=trouble", { page: "live", sort: "trouble" }],
    ["", { page: "live" }],
    ["#/nowhere", { page: "live" }],
  ])("find the page of %j", (hash, route) => expect(readRoute(hash)).toEqual(route));

  it("take a phone of this machine only", () => {
    const secret = "phone/0123456789abcdefghijklmn";
    expect(phoneIn(`#phone=ws://127.0.0.1:4000/${secret}`)).toBe(`ws://127.0.0.1:4000/${secret}`);
    for (const other of [
      `wss://evil.example/${secret}`,
      `ws://127.0.0.1.evil.example:1/${secret}`,
      `ws://127.0.0.1:1@evil.example/${secret}`,
      "ws://127.0.0.1:4000/short",
    ])
      expect(phoneIn(`#phone=${other}`)).toBeNull();
  });

  it("turn a filter into the API's words, and a form into an address", () => {
    const query = toQuery({
      agent: "support",
      from: " +1555 ",
      since: "2026-11-21T08:00",
      until: "",
      x: "y",
    });
    expect(query).toEqual({
      state: "ended",
      agent: "support",
      from: "+1555",
      since: new Date("2026-11-21T08:00").toISOString(),
    });
    const form = new FormData();
    form.set("agent", "a b");
    form.set("until", "");
    expect(toLink(form)).toBe("#/ended?agent=a+b");
  });

  it("say a refusal in words, known or not", () => {
    expect(refusalText(409, { error: "not_live" })).toBe(
      "The call has ended, or has not been answered yet.",
    );
    expect(refusalText(400, { error: "invalid", message: "to is missing" })).toBe("to is missing");
    expect(refusalText(502, {})).toBe("The relay answered 502.");
  });
});

describe("the resampler", () => {
  const sine = (hz: number, rate: number, samples: number) =>
    Float32Array.from({ length: samples }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));
  const rms = (samples: Float32Array) =>
    Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
  /** In blocks of 128, as an AudioWorklet gets them. */
  const resampled = (from: number, to: number, samples: Float32Array) => {
    const resampler = new Resampler(from, to);
    const out: number[] = [];
    for (let at = 0; at < samples.length; at += 128)
      out.push(...resampler.push(samples.subarray(at, at + 128)));
    return Float32Array.from(out);
  };

  it.each([
    [48_000, 8_000],
    [44_100, 8_000],
    [8_000, 48_000],
    [8_000, 44_100],
    [8_000, 8_000],
  ])("from %i to %i Hz keeps a voice's pitch, level and length", (from, to) => {
    const out = resampled(from, to, sine(440, from, from));
    expect(Math.abs(out.length - to)).toBeLessThan(to / 100);
    const middle = out.subarray(to / 4, (3 * to) / 4);
    expect(rms(middle)).toBeCloseTo(Math.SQRT1_2, 1);
    const crossings = middle.filter(
      (sample, i) => i > 0 && middle[i - 1]! < 0 !== sample < 0,
    ).length;
    expect(Math.abs(crossings - 440)).toBeLessThan(4);
  });

  it("lets nothing fold back that 8 kHz cannot hold", () => {
    const out = resampled(48_000, 8_000, sine(6_000, 48_000, 48_000));
    expect(rms(out.subarray(2_000, 6_000))).toBeLessThan(0.01);
  });
});
