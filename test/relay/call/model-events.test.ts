import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId } from "../../../src/domain/ids.js";
import { ModelEvents, type ModelEventsHost } from "../../../src/relay/call/model-events.js";
import type { ResponseEnd } from "../../../src/relay/model/model-session.js";
import { agent } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { Told } from "../../fakes/told.js";

const ITEM = "item_1" as ItemId;
const RESPONSE = "resp_1" as ResponseId;
const END: ResponseEnd = {
  responseId: RESPONSE,
  status: "completed",
  calls: [],
  spoke: true,
  problem: null,
  retryAfterMs: null,
  textOnly: null,
  mcpCalls: [],
  phase: null,
};

/** A call of which each part keeps what it is told. */
function stage(state: { readonly isOver?: boolean; readonly isMachine?: boolean } = {}) {
  const record = new Told();
  const { lines: told } = record;
  const keep = (name: string) => record.keep(name);
  const audio = () => {};
  const host = {
    agent: agent(),
    session: { stopSpeaking: keep("session.stopSpeaking") },
    path: {
      audio,
      audioDone: keep("path.audioDone"),
      agentText: keep("path.agentText"),
      callerSpeech: keep("path.callerSpeech"),
      responseStarted: keep("path.responseStarted"),
      responseDone: ({ spoke }: ResponseEnd) => !spoke,
      playback: keep("path.playback"),
      cut: keep("path.cut"),
    },
    eventLog: {
      note: keep("note"),
      tool: keep("tool"),
      agentWrote: keep("agentWrote"),
      callerText: keep("callerText"),
      callerTurn: keep("callerTurn"),
    },
    log: new FakeLog(),
    budget: {
      usage: keep("usage"),
      transcriptionUsage: keep("transcriptionUsage"),
      tokensRemaining: keep("tokensRemaining"),
      limits: {
        callerActive: keep("limits.callerActive"),
        agentActive: keep("limits.agentActive"),
        modelPrompted: keep("limits.modelPrompted"),
      },
    },
    reply: {
      owe: keep("reply.owe"),
      callerSpeech: keep("reply.callerSpeech"),
      responseStarted: keep("reply.responseStarted"),
      responseDone: (_: ResponseEnd, spoke: boolean) => told.push(`reply.responseDone ${spoke}`),
      mcpStarted: keep("reply.mcpStarted"),
      mcpEnded: keep("reply.mcpEnded"),
    },
    transcripts: {
      turn: keep("transcripts.turn"),
      arrived: keep("transcripts.arrived"),
      refused: keep("transcripts.refused"),
    },
    voicemail: {
      machine: { isSpokenTo: state.isMachine ?? false, speech: keep("machine.speech") },
    },
    tools: {
      run: ({ spoke }: ResponseEnd) => told.push(`tools.run ${spoke}`),
      replied: keep("tools.replied"),
    },
    isOver: state.isOver ?? false,
    keys: { pressed: keep("keys.pressed") },
    playbackMoved: keep("playbackMoved"),
  };
  const metrics = new FakeMetrics();
  const events = new ModelEvents(
    host as unknown as ModelEventsHost,
    new FakeClock(),
    metrics.metrics,
  );
  return { told, events, metrics, audio };
}
type Stage = ReturnType<typeof stage>;
type Events = Stage["events"];

const EVENTS: readonly (readonly [name: string, run: (events: Events) => void])[] = [
  ["audioDone", (events) => events.audioDone(ITEM)],
  ["agentText", (events) => events.agentText(ITEM, "Hi", true)],
  ["callerSpeech", (events) => events.callerSpeech("started", ITEM, 0)],
  ["responseDone", (events) => events.responseDone(END)],
  ["idleTimeout", (events) => events.idleTimeout()],
  ["playback", (events) => events.playback("started", RESPONSE)],
  ["cut", (events) => events.cut(ITEM, 5)],
  ["key", (events) => events.key("5")],
];

describe("what a model's session tells its call", () => {
  it("lets audio go straight to the path", () => {
    const { events, audio } = stage();
    expect(events.audio).toBe(audio);
  });

  it.each(EVENTS)("counts while the call goes on, and not after its end: %s", (_, run) => {
    const live = stage();
    run(live.events);
    expect(live.told).not.toEqual([]);
    const over = stage({ isOver: true });
    run(over.events);
    expect(over.told).toEqual([]);
  });

  it("counts transcripts and what they cost also after the end", () => {
    const { told, events } = stage({ isOver: true });
    events.callerTurn(ITEM);
    events.callerText(ITEM, "Bye.");
    events.callerTextFailed(ITEM, "bad_audio");
    events.transcriptionUsage("whisper", 5, 1);
    events.usage("m", {} as Parameters<Events["usage"]>[1]);
    expect(told).toEqual([
      "transcripts.turn item_1",
      "callerTurn item_1",
      "callerText item_1 Bye.",
      "transcripts.arrived item_1",
      "note transcription_failed",
      "transcripts.arrived item_1",
      "transcriptionUsage whisper 5 1",
      "usage m",
    ]);
  });

  it("owes the caller a reply to each turn, and an answering machine none", () => {
    const [caller, machine] = [stage(), stage({ isMachine: true })];
    for (const { events } of [caller, machine]) events.callerTurn(ITEM);
    expect(caller.told).toContain("reply.owe caller_turn");
    expect(machine.told.filter((line) => line.startsWith("reply"))).toEqual([]);
  });

  it.each([
    ["the call is over", { isOver: true }],
    ["a machine greets", { isMachine: true }],
  ])("stops a response that begins when %s", (_, state) => {
    const { told, events } = stage(state);
    events.responseStarted(RESPONSE);
    expect(told).toEqual(["session.stopSpeaking"]);
  });

  it("waits for the transcript of a turn when the caller stops, not when they start", () => {
    const { told, events } = stage();
    events.callerSpeech("started", ITEM, 0);
    expect(told).not.toContain("transcripts.turn item_1");
    events.callerSpeech("stopped", ITEM, 0);
    expect(told).toContain("transcripts.turn item_1");
  });

  it("lets the path say whether a response was heard, for the reply and for its tools", () => {
    const { told, events } = stage();
    events.responseDone({ ...END, calls: [{}] as unknown as ResponseEnd["calls"], spoke: false });
    expect(told).toEqual([
      "limits.agentActive 0",
      "reply.responseDone true",
      "tools.run true",
      "playbackMoved",
    ]);
  });

  it("tells the tools of a reply in words, and of no other response", () => {
    const { told, events } = stage();
    events.responseDone({ ...END, spoke: true });
    expect(told).not.toContain("tools.replied");
    events.responseDone({ ...END, spoke: false });
    expect(told).toContain("tools.replied");
  });

  it.each([
    ["completed", 0],
    ["cancelled", 0],
    ["failed", 1],
    ["incomplete", 1],
  ] as const)("counts a response that is %s as %i problems", (status, problems) => {
    const { told, events, metrics } = stage();
    events.responseDone({ ...END, status, problem: "x" });
    expect(told.filter((line) => line.startsWith("note"))).toHaveLength(problems);
    expect(metrics.count("upstreamErrors", { code: "upstream_response_failed" })).toBe(problems);
  });

  it("notes a reply that came as text, which the caller did not hear", () => {
    const { told, events } = stage();
    events.responseDone({ ...END, textOnly: "Hello." });
    expect(told).toContain("note text_reply");
  });

  it("counts a refused truncation apart from other refusals", () => {
    const { events, metrics } = stage();
    events.warning("invalid_value", "truncate");
    events.warning("invalid_value", "other");
    events.warning("invalid_value", "other");
    expect(metrics.count("truncationRejected")).toBe(1);
    expect(metrics.count("upstreamErrors", { code: "upstream_rejected" })).toBe(2);
  });
});
