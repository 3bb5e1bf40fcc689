import { describe, expect, it } from "vitest";
import type { CallContext, CallPathHost } from "../../../src/relay/call/call-path.js";
import {
  ConferenceEffects,
  type ConferenceEffectsHost,
  type SipPathDeps,
} from "../../../src/relay/sip/conference-effects.js";
import type {
  ConferenceEffect,
  ConferenceInput,
} from "../../../src/relay/sip/conference-events.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";
import { Told } from "../../fakes/told.js";

interface Given {
  readonly isTrunk?: boolean;
  readonly wasReferred?: boolean;
}

function stage({ isTrunk = false, wasReferred = false }: Given = {}) {
  const told = new Told();
  const clock = new FakeClock();
  const metrics = new FakeMetrics();
  const happened: ConferenceInput[] = [];
  const ask = (name: string) => told.keep(name, Promise.resolve());
  const call = {
    parties: { callSid: sid(7), from: "+15550100001", to: "+15550001111", callToken: "t" },
    agent: agent(),
    log: new FakeLog(),
    eventLog: { note: told.keep("note") },
    deps: { clock, metrics: metrics.metrics },
  };
  const deps = {
    control: {
      updateParticipant: ask("twilio.update"),
      isOnHold: async () => false,
      hangUp: ask("twilio.hangUp"),
    },
    sip: { accept: ask("accept"), reject: ask("reject"), hangUp: ask("hangUp") },
    publicUrl: "https://relay.test",
    states: {
      keep: (callSid: string, kept: object) =>
        void told.lines.push(`keep ${callSid} ${JSON.stringify(kept)}`),
    },
    referred: () => wasReferred,
  };
  const host = {
    profile: {},
    dispatch: ({ type }: { type: string }) => void told.lines.push(`dispatch ${type}`),
    ...told.all("host", "dial", "callerArrived", "modelLost"),
  };
  const path: ConferenceEffectsHost = {
    isTrunk,
    isDialing: false,
    callId: "rtc_1",
    isMuted: false,
    dispatch: (input) => void happened.push(input),
    detached: told.keep("detached"),
  };
  const effects = new ConferenceEffects(
    call as unknown as CallContext,
    deps as unknown as SipPathDeps,
    host as unknown as CallPathHost,
    path,
  );
  return { effects, told, happened, clock, metrics };
}

describe("the effects of a conference", () => {
  it.each<[ConferenceEffect, string]>([
    [{ do: "reject", callId: "rtc_2" }, "reject rtc_2 480"],
    [{ do: "hang_up_model", callId: "rtc_2" }, "hangUp rtc_2"],
    [{ do: "attach", callId: "rtc_2", conversation: "kept" }, "host.dial rtc_2 kept"],
    [{ do: "detach" }, "detached"],
    [{ do: "tell_caller_arrived" }, "host.callerArrived"],
    [{ do: "tell_caller_returns" }, "dispatch caller_returns"],
    [{ do: "tell_caller_gone" }, "dispatch caller_gone"],
    [{ do: "tell_taken_elsewhere" }, "dispatch moved"],
  ])("%j is carried out", (effect, line) => {
    const { effects, told } = stage();
    effects.carryOut(effect);
    expect(told.lines).toEqual([line]);
  });

  it("include the request that puts the caller on hold, and tell when it is done", async () => {
    const { effects, told, happened } = stage();
    effects.carryOut({ do: "hold", on: true });
    await settle();
    expect(told.lines[0]).toContain("twilio.update");
    expect(happened).toEqual([{ type: "hold_done", callerGone: false }]);
  });

  it.each([
    ["join", 1_000],
    ["model", 8_000],
    ["grace", 300],
  ] as const)("wait for %s %i ms", (timer, ms) => {
    const { effects, happened, clock } = stage();
    effects.carryOut({ do: "arm", timer });
    clock.advance(ms - 1);
    expect(happened).toEqual([]);
    clock.advance(1);
    expect(happened).toEqual([{ type: "timer", timer }]);
  });

  it("wait for nothing any more once the call is over", () => {
    const { effects, clock } = stage();
    effects.carryOut({ do: "arm", timer: "join" });
    effects.carryOut({ do: "arm", timer: "model" });
    effects.carryOut({ do: "disarm", timer: "join" });
    expect(clock.pending).toBe(1);
    effects.stop();
    expect(clock.pending).toBe(0);
  });

  it("store what another process needs of a call in a conference, and nothing of a trunk's", () => {
    const conference = stage();
    conference.effects.carryOut({ do: "store" });
    expect(conference.told.lines).toEqual([
      `keep ${sid(7)} ${JSON.stringify({
        agent: "support",
        from: "+15550100001",
        to: "+15550001111",
        callToken: "t",
        callId: "rtc_1",
      })}`,
    ]);
    const trunk = stage({ isTrunk: true });
    trunk.effects.carryOut({ do: "store" });
    expect(trunk.told.lines).toEqual([]);
  });
});

describe("a lost model", () => {
  const LOST = { do: "tell_model_lost", code: "upstream_closed", retryable: true } as const;

  it("is told and counted in a conference", () => {
    const { effects, told, metrics } = stage();
    effects.carryOut(LOST);
    expect(told.lines).toEqual(["note model_gone", "host.modelLost upstream_closed true"]);
    expect(metrics.count("upstreamErrors", { code: "upstream_closed" })).toBe(1);
  });

  it.each([
    [false, ["dispatch caller_gone"]],
    [true, []],
  ])("is the caller's end on a trunk, unless they were referred: %s", (wasReferred, lines) => {
    const { effects, told } = stage({ isTrunk: true, wasReferred });
    effects.carryOut(LOST);
    expect(told.lines).toEqual(lines);
  });
});
