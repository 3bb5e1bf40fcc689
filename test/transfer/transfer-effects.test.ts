import { describe, expect, it } from "vitest";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type { CallControl } from "../../src/ports/twilio.js";
import type { TransferEnding } from "../../src/transfer/transfer-deps.js";
import { TransferEffects } from "../../src/transfer/transfer-effects.js";
import type { TransferEvent, TransferState } from "../../src/transfer/transfer-events.js";
import { sid } from "../fakes/call-bench.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeMetrics } from "../fakes/fake-metrics.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { failoverAgent } from "./directory.js";
import { destinationNamed, request, verbs } from "./document-parts.js";
import { inPhase, OURS } from "./states.js";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function bench(
  state: TransferState,
  control: Partial<CallControl> = {},
  escalate: null | (() => Promise<string>) = null,
) {
  const clock = new FakeClock();
  const fake = new FakeMetrics();
  const dispatched: TransferEvent[] = [];
  const written: RecordEvent[] = [];
  const seen: (string | TransferEnding)[] = [];
  const decider = { state, dispatch: (event: TransferEvent) => void dispatched.push(event) };
  const effects = new TransferEffects(
    {
      request: request(),
      agent: failoverAgent("desk", "warm"),
      host: {
        url: (path) => `https://relay.test${path}`,
        atMs: () => 7,
        journal: (event) => void written.push(event),
        persist: () => undefined,
        returnTwiml: ({ outcome }) => {
          seen.push(`told ${outcome}`);
          return [{ verb: "pause", seconds: 1 }];
        },
        onStream: () => true,
        closeStream: () => void seen.push("stream closed"),
        ended: (ending) => void seen.push(ending),
        lost: () => void seen.push("lost"),
      },
    },
    decider,
    {
      control: control as CallControl,
      clock,
      log: new FakeLog(),
      metrics: fake.metrics,
      escalate,
      recordUrl: (callSid) => `https://desk.example.com/${callSid}`,
      holdMusicUrl: null,
    },
  );
  return { clock, fake, dispatched, written, seen, decider, effects };
}

const redirecting = inPhase({
  name: "redirecting",
  sinceMs: 0,
  tries: 0,
  fromStream: true,
  waits: "request",
});
const ringing = inPhase({ name: "ringing", tries: 0, pausing: false }, ["warm"]);

describe("the effects of a transfer", () => {
  it("keep one timer, which tells whether the caller is on the stream", () => {
    const { effects, clock, dispatched } = bench(redirecting);
    effects.carryOut({ do: "arm", ms: 100 });
    effects.carryOut({ do: "arm", ms: 200 });
    clock.advance(150);
    expect(dispatched).toEqual([]);
    clock.advance(50);
    expect(dispatched).toEqual([{ type: "timer", onStream: true }]);
    effects.carryOut({ do: "arm", ms: 100 });
    effects.carryOut({ do: "disarm" });
    expect(clock.pending).toBe(0);
  });

  it("send the step's document, and tell how that went with the document's number", async () => {
    const sent: string[][] = [];
    const { effects, dispatched } = bench(redirecting, {
      redirect: async (_callSid, twiml) => void sent.push(verbs(twiml)),
    });
    effects.carryOut({ do: "redirect", page: "step" });
    await settle();
    expect(sent).toEqual([["dial"]]);
    expect(dispatched).toEqual([{ type: "redirected", revision: 5, onStream: true }]);
  });

  it("send nothing for a document that is no longer wanted once the CRM has answered", async () => {
    let answer: (reference: string) => void = () => undefined;
    const sent: string[][] = [];
    const experts = { ...redirecting, failoverList: [destinationNamed("experts")] };
    const { effects, decider } = bench(
      experts,
      { redirect: async (_callSid, twiml) => void sent.push(verbs(twiml)) },
      () => new Promise((resolve) => (answer = resolve)),
    );
    effects.escalate();
    effects.carryOut({ do: "redirect", page: "step" });
    decider.state = { ...experts, phase: { name: "over", outcome: "caller_gone", next: "gone" } };
    answer("CASE-1");
    await settle();
    expect(sent).toEqual([]);
  });

  it("name the case and the record to those who get the document", async () => {
    const { effects, written } = bench(redirecting, {}, async () => "CASE-1");
    effects.escalate();
    await settle();
    expect(effects.parts).toMatchObject({
      caseReference: "CASE-1",
      recordUrl: `https://desk.example.com/${sid(1)}`,
      revision: 5,
    });
    expect(written).toEqual([
      { type: "transfer_step", atMs: 7, step: "escalated", detail: "CASE-1" },
    ]);
  });

  it("call, find and look at the consult leg of the current attempt", async () => {
    const asked: string[] = [];
    const { effects, dispatched } = bench(ringing, {
      createCallWithTwiml: async ({ to }) => {
        asked.push(`create ${to}`);
        return OURS;
      },
      findCalls: async (to) => {
        asked.push(`find ${to}`);
        return [];
      },
      status: async () => "ringing",
    });
    effects.carryOut({ do: "call_consult_leg" });
    effects.carryOut({ do: "find_consult_leg", attempt: 6 });
    effects.carryOut({ do: "probe_consult_leg", sid: OURS });
    await settle();
    expect(asked).toEqual(["create +12025550122", "find +12025550122"]);
    expect(dispatched).toEqual(
      expect.arrayContaining([
        { type: "consult_created", attempt: 6, sid: OURS },
        { type: "consult_found", attempt: 6, exists: false },
        { type: "consult_status", attempt: 6, sid: OURS, status: "ringing", source: "probe" },
      ]),
    );
  });

  it("end the transfer in record, metrics and for the host, and hang up whom they must", async () => {
    const hungUp: string[] = [];
    const { effects, written, fake, seen } = bench(redirecting, {
      hangUp: async (callSid) => void hungUp.push(callSid),
    });
    const destination = destinationNamed("desk");
    effects.carryOut({ do: "end", destination, outcome: "busy", next: "back_to_agent" });
    effects.carryOut({ do: "close_stream" });
    effects.carryOut({ do: "hang_up_caller" });
    effects.carryOut({ do: "lost" });
    await settle();
    expect(written).toEqual([
      { type: "transfer_outcome", atMs: 7, destination: "desk", outcome: "busy" },
    ]);
    expect(fake.count("transfers", { kind: "dial", outcome: "busy" })).toBe(1);
    expect(seen).toEqual([
      { destination: "desk", outcome: "busy", next: "back_to_agent" },
      "stream closed",
      "lost",
    ]);
    expect(hungUp).toEqual([sid(1)]);
  });

  it("answer with a document for every page", () => {
    const { effects, seen } = bench(
      inPhase({ name: "over", outcome: "declined", next: "back_to_agent" }),
    );
    const pages = ["step", "agent", "apology", "hangup", "join", "too_late"] as const;
    expect(pages.map((page) => verbs(effects.pageTwiml(page)))).toEqual([
      ["dial"],
      ["pause"],
      ["say", "hangup"],
      ["hangup"],
      ["dial", "hangup"],
      ["say", "hangup"],
    ]);
    expect(seen).toEqual(["told declined"]);
  });
});

describe("the effects of a transfer that a newer one has replaced", () => {
  it("are only the end of its late consult legs", async () => {
    const hungUp: string[] = [];
    const { effects, seen, clock } = bench(ringing, {
      hangUp: async (callSid) => void hungUp.push(callSid),
    });
    effects.carryOut({ do: "arm", ms: 100 });
    effects.supersede();
    expect(clock.pending).toBe(0);
    effects.carryOut({ do: "arm", ms: 100 });
    effects.carryOut({ do: "close_stream" });
    effects.carryOut({ do: "hang_up_consult_leg", sid: OURS });
    await settle();
    expect(seen).toEqual([]);
    expect(hungUp).toEqual([OURS]);
    expect(effects.isRunning).toBe(false);
  });

  it("are none at all once it is closed", async () => {
    const hungUp: string[] = [];
    const { effects, clock } = bench(ringing, {
      hangUp: async (callSid) => void hungUp.push(callSid),
    });
    effects.close();
    effects.supersede();
    effects.carryOut({ do: "hang_up_consult_leg", sid: OURS });
    await settle();
    expect(hungUp).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
