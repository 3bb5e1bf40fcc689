import { describe, expect, it } from "vitest";
import type { Phase, TransferEvent } from "../../src/transfer/transfer-events.js";
import { inPhase, leadsTo } from "./states.js";

function dialing(changes: Partial<Extract<Phase, { name: "dialing" }>> = {}): Phase {
  return { name: "dialing", callerGone: false, probing: false, probes: 0, ...changes };
}

const timer: TransferEvent = { type: "timer", onStream: false };
const probed = (status: Extract<TransferEvent, { type: "probed" }>["status"]): TransferEvent => ({
  type: "probed",
  revision: 5,
  status,
  onStream: false,
});

describe("a dial of which Twilio tells nothing", () => {
  it("is looked into once Twilio must have ended the ringing", () => {
    expect(leadsTo(inPhase(dialing()), timer)).toBe("dialing (probing), probe");
  });

  it("is a conversation when the call goes on, and a hang-up when it does not", () => {
    const state = inPhase(dialing({ probing: true }));
    expect(leadsTo(state, probed("in-progress"))).toBe("over, disarm, end desk answered connected");
    expect(leadsTo(state, probed("completed"))).toContain("end desk caller_gone gone");
  });

  it("is asked for again when Twilio would not say, but not for ever", () => {
    expect(leadsTo(inPhase(dialing({ probing: true })), probed(null))).toBe("dialing, arm 15000");
    expect(leadsTo(inPhase(dialing({ probing: true, probes: 5 })), probed(null))).toContain(
      "end desk failed gone",
    );
  });

  it("does not take the answer to an older question for its own", () => {
    expect(leadsTo(inPhase(dialing()), probed("in-progress"))).toBe("dialing");
  });

  it("is watched for longer where the caller may wait for longer", () => {
    const enter: TransferEvent = { type: "document_seen", revision: 5 };
    const redirecting: Phase = {
      name: "redirecting",
      sinceMs: 0,
      tries: 0,
      fromStream: true,
      waits: "accepted",
    };
    const armed = (name: string) =>
      leadsTo(inPhase(redirecting, [name]), enter).match(/arm (\d+)/)?.[1];
    expect(armed("desk")).toBe("40000");
    expect(Number(armed("queue"))).toBeGreaterThan(1_800_000);
    expect(Number(armed("experts"))).toBeGreaterThan(1_800_000);
  });
});

describe("a caller who hung up while it rang", () => {
  it("may have talked before: the news of the dial is waited for", () => {
    expect(leadsTo(inPhase(dialing()), { type: "caller_gone" })).toBe(
      "dialing (caller gone), arm 2000",
    );
    const gone = inPhase(dialing({ callerGone: true }));
    expect(leadsTo(gone, { type: "caller_gone" })).toBe("dialing (caller gone)");
    const ended = (result: "answered" | "no_answer"): TransferEvent => ({
      type: "document_ended",
      revision: 5,
      result,
      callOver: false,
    });
    expect(leadsTo(gone, ended("answered"))).toContain("end desk answered connected");
    expect(leadsTo(gone, ended("no_answer"))).toContain("end desk caller_gone gone");
    expect(leadsTo(gone, timer)).toContain("end desk caller_gone gone");
  });
});
