import { describe, expect, it } from "vitest";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import type { ItemId } from "../../../src/domain/ids.js";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import type { Call } from "../../../src/relay/call/call.js";
import {
  type CallCommand,
  supervisorEnd,
  supervisorTransfer,
} from "../../../src/relay/call/call-command.js";
import type { Twiml } from "../../../src/wire/twiml.js";
import { agent, CallBench, sid } from "../../fakes/call-bench.js";
import { conference, FORM, pass, SID, settle, sipBench, talking } from "../../fakes/sip-bench.js";

/** One call, by either path, as far as it is the same. */
interface Line {
  readonly call: Call;
  readonly events: () => readonly RecordEvent[];
  execute(command: CallCommand): Promise<unknown>;
  /** The agent has said goodbye, and the caller still hears it. */
  beginsToLeave(): Promise<void>;
  hangUp(): Promise<void>;
  /** Twilio repeats the webhook of this call. */
  again(): Promise<Twiml>;
  callerTurn(itemId: string): void;
  callerText(itemId: string, text: string): void;
  /** Sessions with the model, and legs to it, so far. */
  readonly dials: () => number;
  /** What the model was told beside audio. */
  readonly told: () => string;
  readonly load: () => number;
  pass(ms: number): Promise<void>;
}

const TRANSCRIBED = { transcription: { model: "whisper-1", language: null, prompt: null } };

async function mediaLine(changes: Partial<AgentProfile> = {}): Promise<Line> {
  const bench = new CallBench(agent(changes));
  const { stream, model } = await bench.talk();
  model.speaks("greeting");
  bench.run(2_000);
  const call = bench.calls.find(sid(1))!;
  return {
    call,
    events: () => bench.events.map(([, event]) => event),
    execute: (command) => bench.service.execute(sid(1), command),
    beginsToLeave: async () => {
      model.created("r2");
      model.delta("r2", "bye", 80_000);
      call.leave({ kind: "end", reason: "agent", farewell: "play" });
    },
    hangUp: async () => stream.stop(sid(1)),
    again: () => bench.service.incoming(bench.form(1)),
    callerTurn: (item_id) => {
      model.says({ type: "input_audio_buffer.speech_started", item_id, audio_start_ms: 0 });
      model.says({ type: "input_audio_buffer.speech_stopped", item_id, audio_end_ms: 100 });
      model.says({ type: "input_audio_buffer.committed", item_id });
    },
    callerText: (item_id, transcript) =>
      model.says({
        type: "conversation.item.input_audio_transcription.completed",
        item_id,
        content_index: 0,
        transcript,
      }),
    dials: () => bench.dialer.sockets.length,
    told: () =>
      JSON.stringify([...model.of("conversation.item.create"), ...model.of("response.create")]),
    load: () => bench.registry.load,
    pass: async (ms) => {
      bench.run(ms);
      await settle();
    },
  };
}

async function sipLine(changes: Partial<AgentProfile> = {}): Promise<Line> {
  const bench = sipBench({ profile: agent(changes) });
  const sideband = await talking(bench);
  sideband.speaks("greeting");
  const call = bench.calls.find(SID)!;
  return {
    call,
    events: () => bench.events.map(([, event]) => event),
    execute: (command) => bench.calls.execute(SID, command),
    beginsToLeave: async () => {
      sideband.quiet = false;
      call.leave({ kind: "end", reason: "agent", farewell: "play" });
    },
    hangUp: async () => {
      conference(bench, {
        StatusCallbackEvent: "participant-leave",
        ParticipantLabel: "customer",
        ReasonParticipantLeft: "participant_hung_up",
        CallSid: SID,
      });
      await settle();
    },
    again: () => bench.calls.incomingSip(FORM),
    callerTurn: (itemId) => {
      sideband.events.callerSpeech("started", itemId as ItemId, 0);
      sideband.events.callerSpeech("stopped", itemId as ItemId, 100);
      sideband.events.callerTurn(itemId as ItemId);
    },
    callerText: (itemId, text) => sideband.events.callerText(itemId as ItemId, text),
    dials: () => bench.participants.length + bench.sidebands.length,
    told: () => sideband.told.join("\n"),
    load: () => bench.registry.load,
    pass: (ms) => pass(bench.clock, ms),
  };
}

/** When it happened, on the record's clock. */
function timesOf(event: RecordEvent): number[] {
  return Object.entries(event).flatMap(([name, value]) =>
    ["atMs", "startedMs", "endedMs"].includes(name) && typeof value === "number" ? [value] : [],
  );
}

describe.each([
  ["Media Streams", mediaLine],
  ["SIP", sipLine],
] as const)("a call by %s", (_name, line) => {
  it.each([
    ["ended", supervisorEnd("ada")],
    ["transferred", supervisorTransfer("desk", null, "ada")],
  ] as const)("can be %s by a supervisor while the agent says goodbye", async (_what, command) => {
    const one = await line();
    await one.beginsToLeave();
    expect(one.call.state.name).toBe("leaving");
    expect(await one.execute(command)).toBeNull();
    expect(["closing", "ended", "handing_over"]).toContain(one.call.state.name);
  });

  it("tells the model a supervisor's note, and has it say a supervisor's words", async () => {
    const one = await line();
    const responses = () => one.told().match(/response\.create|speak|requestResponse/g)?.length;
    const before = responses();
    expect(await one.execute({ type: "note", text: "They are vip 7.", by: "ada" })).toBeNull();
    expect(one.told()).toContain("They are vip 7.");
    expect(responses()).toBe(before);
    expect(await one.execute({ type: "say", text: "We pay 20.", by: "ben" })).toBeNull();
    await one.pass(100);
    expect(one.told()).toContain("We pay 20.");
    expect(one.events().filter(({ type }) => type === "note")).toMatchObject([
      { name: "supervisor_note", fields: { by: "ada", text: "They are vip 7." } },
      { name: "supervisor_say", fields: { by: "ben", text: "We pay 20." } },
    ]);
    await one.hangUp();
    for (const type of ["note", "say"] as const)
      expect(await one.execute({ type, text: "late", by: "ada" })).toBe("not_found");
  });

  it("counts against MAX_CALLS until the caller is with a human", async () => {
    const one = await line();
    expect(one.load()).toBe(1);
    await one.execute(supervisorTransfer("desk", null, "ada"));
    expect(one.load()).toBe(0);
  });

  it("has its end as the last event of its record, on one clock", async () => {
    const one = await line();
    await one.beginsToLeave();
    await one.hangUp();
    await one.pass(4_000);
    const events = one.events();
    expect(events.filter(({ type }) => type === "ended")).toHaveLength(1);
    expect(events.at(-1)?.type).toBe("ended");
    const { atMs } = events.at(-1) as { atMs: number };
    expect(Math.max(...events.flatMap(timesOf))).toBe(atMs);
  });

  it("dials no model and holds no line when its webhook comes again after its end", async () => {
    const one = await line();
    await one.hangUp();
    await one.pass(4_000);
    const dials = one.dials();
    await one.again();
    await one.pass(1_000);
    expect([one.dials(), one.load()]).toEqual([dials, 0]);
    expect(one.events().filter(({ type }) => type === "ended")).toHaveLength(1);
  });

  it("waits for the transcript of what the caller said last, then ends", async () => {
    const one = await line(TRANSCRIBED);
    one.callerTurn("c1");
    await one.hangUp();
    expect(one.call.state.name).toBe("closing");
    await one.pass(1_000);
    one.callerText("c1", "Thank you.");
    expect(one.call.state.name).toBe("ended");
    const types = one.events().map(({ type }) => type);
    expect(types.slice(-2)).toEqual(["caller_text", "ended"]);
  });

  it("waits three seconds for a transcript, and no longer", async () => {
    const one = await line(TRANSCRIBED);
    one.callerTurn("c1");
    await one.hangUp();
    await one.pass(2_900);
    expect(one.call.state.name).toBe("closing");
    await one.pass(200);
    expect(one.call.state.name).toBe("ended");
  });
});

describe("a language that is set before the agent's first word", () => {
  const bilingual = agent({
    languages: new Map([["es", { instructions: null, voice: "cedar" }]]),
  });

  it("brings its voice along on a Media Stream", async () => {
    const bench = new CallBench(bilingual);
    const { model } = await bench.talk();
    expect(bench.toolHosts[0]!.setLanguage("es")).toBe(true);
    expect(JSON.stringify(model.of("session.update").at(-1))).toContain('"voice":"cedar"');
  });

  it("brings its voice along on the SIP path", async () => {
    const bench = sipBench({ profile: bilingual });
    const sideband = await talking(bench);
    expect(bench.calls.find(SID)!.setLanguage("es")).toBe(true);
    expect(sideband.told.at(-1)).toMatch(/^update .*"voice":"cedar"/);
  });
});

describe("a caller for whom there is no room", () => {
  const withoutFallback = agent({ transfer: { ...agent().transfer, default: null, key: null } });

  it.each([
    ["with", agent()],
    ["without", withoutFallback],
  ])("is rejected in the record of either path %s a fallback destination", async (_, profile) => {
    const media = new CallBench(profile, { maxCalls: 0 });
    await media.service.incoming(media.form(1));
    const sip = sipBench({ profile, maxCalls: 0 });
    await sip.calls.incomingSip(FORM);
    for (const [path, { events }] of [["media-stream", media] as const, ["sip", sip] as const]) {
      const written = events.map(([, event]) => event);
      expect(written.at(0)).toMatchObject({ type: "opened", path });
      expect(written.at(-1)).toMatchObject({ type: "ended", outcome: "rejected", reason: "full" });
    }
    expect([media.dialer.sockets, sip.participants]).toEqual([[], []]);
  });
});
