import { beforeEach, describe, expect, it } from "vitest";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import type { CallContext, CallPathHost } from "../../../src/relay/call/call-path.js";
import type { AudioPath } from "../../../src/relay/media/audio-path.js";
import { GreetingProtection } from "../../../src/relay/media/greeting-protection.js";
import { Interruptions } from "../../../src/relay/media/interruptions.js";
import { agent } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { Told } from "../../fakes/told.js";

const CONFIRM_MS = 400;
const SPOKEN = { itemId: "item_1", cut: true };
const HEARD_OUT = { itemId: "item_0", cut: false };
const TONE = { itemId: "local:1", cut: true };

let told: Told;
let metrics: FakeMetrics;
beforeEach(() => {
  told = new Told();
  metrics = new FakeMetrics();
});

interface Given {
  readonly agent?: Partial<AgentProfile>;
  readonly isTalking?: boolean;
  readonly isSilent?: boolean;
  readonly aheadOfRealTime?: boolean;
  readonly protectedMs?: number;
  /** What an interruption cuts; null: nothing is being played. */
  readonly reports?: readonly { readonly itemId: string; readonly cut: boolean }[] | null;
}

function stage(given: Given = {}): Interruptions {
  const call = {
    agent: agent(given.agent),
    deps: { clock: new FakeClock(), metrics: metrics.metrics },
    eventLog: {
      note: told.keep("note"),
      agentHeard: ({ itemId }: typeof SPOKEN) => void told.lines.push(`heard ${itemId}`),
    },
  };
  const host = {
    isTalking: given.isTalking ?? true,
    session: {
      capabilities: { aheadOfRealTime: given.aheadOfRealTime ?? true },
      interrupted: (cuts: readonly (typeof SPOKEN)[]) =>
        void told.lines.push(`interrupted ${cuts.map(({ itemId }) => itemId)}`),
    },
  };
  const audio = {
    playout: { isSilent: () => given.isSilent ?? false, ...told.all("playout", "hold", "resume") },
    interrupt: () => given.reports ?? null,
  };
  return new Interruptions(
    call as unknown as CallContext,
    host as unknown as CallPathHost,
    audio as unknown as AudioPath,
    new GreetingProtection(given.protectedMs ?? 0),
  );
}

describe("speech that local VAD hears", () => {
  it("holds playout at once", () => {
    stage().byLocalVad(0);
    expect(told.lines).toEqual(["playout.hold", "note playout_held"]);
  });

  it.each<[string, Given]>([
    ["the agent does not want it", { agent: { vad: { ...agent().vad, localBargeIn: false } } }],
    [
      "the agent may not be interrupted",
      {
        agent: {
          turnDetection: { ...agent().turnDetection, interruptResponse: false },
        },
      },
    ],
    ["audio comes in real time", { aheadOfRealTime: false }],
    ["the agent does not talk", { isTalking: false }],
    ["nothing is heard of the agent", { isSilent: true }],
    ["the greeting is protected", { protectedMs: 1_000 }],
  ])("holds nothing when %s", (_, given) => {
    stage(given).byLocalVad(0);
    expect(told.lines).toEqual([]);
  });

  it("that the model does not confirm lets playout go on", () => {
    const one = stage();
    one.byLocalVad(0);
    one.tick(CONFIRM_MS - 1);
    expect(told.take()).not.toContain("playout.resume 399");
    one.tick(CONFIRM_MS);
    expect(told.lines).toEqual([`playout.resume ${CONFIRM_MS}`, "note playout_resumed"]);
  });

  it("is forgotten with the caller's stream", () => {
    const one = stage();
    one.byLocalVad(0);
    told.take();
    one.forget();
    one.tick(CONFIRM_MS);
    expect(told.lines).toEqual([]);
  });
});

describe("speech that the model hears", () => {
  it("interrupts what is being played: the session cuts what was not heard to its end", () => {
    stage({ reports: [HEARD_OUT, TONE, SPOKEN] }).byModel(0);
    expect(told.lines).toEqual(["heard item_0", "heard item_1", "interrupted item_1"]);
    expect(metrics.count("bargeIns", { source: "model" })).toBe(1);
  });

  it("is counted as heard first by local VAD where playout was held for it", () => {
    const one = stage({ reports: [SPOKEN] });
    one.byLocalVad(0);
    one.byModel(100);
    expect(metrics.count("bargeIns", { source: "local" })).toBe(1);
    expect(metrics.count("bargeIns", { source: "model" })).toBe(0);
  });

  it("drops what still trickles in, where nothing is being played", () => {
    stage({ reports: null }).byModel(0);
    expect(told.lines).toEqual(["interrupted "]);
    expect(metrics.count("bargeIns")).toBe(0);
  });

  it("does nothing while the greeting is protected", () => {
    stage({ reports: [SPOKEN], protectedMs: 1_000 }).byModel(0);
    expect(told.lines).toEqual([]);
  });
});
