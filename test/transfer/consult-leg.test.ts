import { describe, expect, it } from "vitest";
import type { TwilioCallStatus } from "../../src/domain/call-status.js";
import type { ErrorCode } from "../../src/domain/errors.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { Phase, TransferEvent } from "../../src/transfer/transfer-events.js";
import { step } from "../../src/transfer/transfer-state.js";
import { inPhase, leadsTo, OTHER, OURS } from "./states.js";

type Ringing = Extract<Phase, { name: "ringing" }>;

const ringing = (sid: CallSid | null = null, changes: Partial<Ringing> = {}) =>
  inPhase({ name: "ringing", tries: 0, pausing: false, ...changes }, ["warm", "desk"], {
    consultLeg: sid,
  });
const inScreening = inPhase({ name: "screening" }, ["warm", "desk"], { consultLeg: OURS });
const inJoining = (probes = 0) =>
  inPhase({ name: "joining", probes }, ["warm", "desk"], { consultLeg: OURS });

const created = (sid: CallSid): TransferEvent => ({ type: "consult_created", attempt: 6, sid });
const notCreated = (code: ErrorCode): TransferEvent => ({
  type: "consult_failed",
  attempt: 6,
  code,
});
const status = (
  to: TwilioCallStatus | null,
  source: "callback" | "probe" = "callback",
  sid = OURS,
): TransferEvent => ({ type: "consult_status", attempt: 6, sid, status: to, source });
const timer: TransferEvent = { type: "timer", onStream: false };

describe("the consult leg's creation", () => {
  it("is known by its answer or by its first callback, whichever comes first", () => {
    expect(leadsTo(ringing(), created(OURS))).toBe("ringing, arm 40000");
    expect(leadsTo(ringing(), status("ringing"))).toBe("ringing, arm 40000");
    expect(leadsTo(ringing(OURS), created(OURS))).toBe("ringing");
  });

  it("hangs up any leg but the first that shows itself", () => {
    expect(leadsTo(ringing(OURS), created(OTHER))).toBe("ringing, hang_up_consult_leg other");
    expect(leadsTo(ringing(OURS), status("ringing", "callback", OTHER))).toBe(
      "ringing, hang_up_consult_leg other",
    );
  });

  it.each<[ErrorCode, string]>([
    ["twilio_timeout", "ringing, record consult_failed twilio_timeout, find_consult_leg"],
    ["twilio_unavailable", "ringing, record consult_failed twilio_unavailable, find_consult_leg"],
    ["twilio_busy", "ringing (pausing), record consult_failed twilio_busy, arm 400"],
  ])("that failed with %s is looked into or tried again", (code, expected) => {
    expect(leadsTo(ringing(), notCreated(code))).toBe(expected);
  });

  it("that Twilio refuses leads to the next step", () => {
    expect(leadsTo(ringing(), notCreated("twilio_rejected"))).toContain("redirecting step 1");
  });

  it("that failed after a callback had shown the leg did not fail", () => {
    expect(leadsTo(ringing(OURS), notCreated("twilio_timeout"))).toBe("ringing");
  });

  it("is tried again when no leg was found, and waited for when there may be one", () => {
    const found = (exists: boolean | null): TransferEvent => ({
      type: "consult_found",
      attempt: 6,
      exists,
    });
    expect(leadsTo(ringing(), found(false))).toBe("ringing (pausing), arm 400");
    expect(leadsTo(ringing(), found(true))).toBe("ringing, arm 6000");
    expect(leadsTo(ringing(), found(null))).toBe("ringing, arm 6000");
    expect(leadsTo(ringing(OURS), found(false))).toBe("ringing");
  });

  it("is tried three times", () => {
    expect(leadsTo(ringing(null, { tries: 1 }), notCreated("twilio_busy"))).toContain("arm 800");
    expect(leadsTo(ringing(null, { tries: 2 }), notCreated("twilio_busy"))).toContain(
      "record failed warm",
    );
    expect(leadsTo(ringing(null, { pausing: true, tries: 1 }), timer)).toBe(
      "ringing, arm 40000, call_consult_leg",
    );
  });

  it("that never shows itself leads to the next step", () => {
    expect(leadsTo(ringing(), timer)).toContain("record failed warm");
  });
});

describe("the consult leg's status", () => {
  it.each<[TwilioCallStatus, string]>([
    ["busy", "busy"],
    ["no-answer", "no_answer"],
    ["failed", "failed"],
    ["canceled", "failed"],
    ["completed", "no_answer"],
  ])("%s while it rings is %s", (to, outcome) => {
    expect(leadsTo(ringing(OURS), status(to))).toContain(`record ${outcome} warm`);
  });

  it("completed during the screening is a refusal, and after it a failure", () => {
    expect(leadsTo(inScreening, status("completed"))).toContain("record declined warm");
    expect(leadsTo(inJoining(), status("completed"))).toContain("record failed warm");
  });

  it("of a leg that has ended is not hung up again", () => {
    expect(leadsTo(ringing(OURS), status("busy"))).not.toContain("hang_up_consult_leg");
  });

  it("in progress begins the screening, once", () => {
    expect(leadsTo(ringing(OURS), status("in-progress"))).toBe(
      "screening, record screening, arm 120000",
    );
    expect(leadsTo(inScreening, status("in-progress"))).toBe("screening");
  });

  it("that a probe finds still ringing after its time is no answer", () => {
    expect(leadsTo(ringing(OURS), timer)).toBe("ringing, probe_consult_leg ours");
    expect(leadsTo(ringing(OURS), status("ringing", "probe"))).toContain("record no_answer warm");
    expect(leadsTo(ringing(OURS), status("ringing"))).toBe("ringing");
    expect(leadsTo(ringing(OURS), status(null, "probe"))).toContain("record no_answer warm");
  });
});

describe("the human's answer", () => {
  const pressed = (answer: "accept" | "decline" | "none", sid = OURS): TransferEvent => ({
    type: "consult_answered",
    attempt: 6,
    sid,
    answer,
  });

  it("takes them into the conference", () => {
    expect(leadsTo(inScreening, pressed("accept"))).toBe(
      "joining, record accept, arm 5000, answer join",
    );
  });

  it("is the same when Twilio asks again", () => {
    expect(leadsTo(inJoining(), pressed("accept"))).toBe("joining, answer join");
    const over = inPhase({ name: "over", outcome: "answered", next: "connected" }, ["warm"], {
      consultLeg: OURS,
    });
    expect(leadsTo(over, pressed("accept"))).toBe("over, answer join");
  });

  it("comes too late from a leg that no caller waits for", () => {
    expect(leadsTo(inScreening, pressed("accept", OTHER))).toBe(
      "screening, hang_up_consult_leg other, answer too_late",
    );
  });

  it("is a refusal, or no answer at all", () => {
    expect(leadsTo(inScreening, pressed("decline"))).toContain(
      "record decline, record declined warm",
    );
    expect(leadsTo(inScreening, pressed("none"))).toContain("record no_key, record no_answer warm");
    expect(leadsTo(inScreening, timer)).toContain("record no_answer warm");
  });
});

describe("a human on the way into the conference", () => {
  it("is asked for when the conference does not tell of them", () => {
    expect(leadsTo(inJoining(), timer)).toBe("joining, probe_consult_leg ours");
    expect(leadsTo(inJoining(), status("in-progress", "probe"))).toContain("answered connected");
    // A callback may be older than the key.
    expect(leadsTo(inJoining(), status("in-progress"))).toBe("joining");
  });

  it.each([null, "queued", "initiated", "ringing"] as const)(
    "is asked for again, and believed in the end, when Twilio says %s of them",
    (word) => {
      expect(leadsTo(inJoining(), status(word, "probe"))).toBe("joining, arm 5000");
      expect(leadsTo(inJoining(5), status(word, "probe"))).toContain("answered connected");
    },
  );
});

describe("a transfer that another process takes up", () => {
  const resumed: TransferEvent = { type: "resumed" };

  it("looks for the leg, or asks how it is", () => {
    expect(leadsTo(ringing(), resumed)).toBe("ringing, arm 40000, find_consult_leg");
    expect(leadsTo(ringing(OURS), resumed)).toBe("ringing, arm 40000, probe_consult_leg ours");
    expect(leadsTo(inScreening, resumed)).toBe("screening, arm 120000, probe_consult_leg ours");
    expect(leadsTo(inScreening, status("in-progress", "probe"))).toBe("screening");
    expect(leadsTo(inJoining(), resumed)).toBe("joining, arm 5000");
  });

  it("lets a leg ring on that rings, or of which Twilio would not tell, for its whole time", () => {
    for (const answer of ["queued", "ringing", null] as const) {
      const taken = step(ringing(OURS), resumed, 0).state;
      expect(leadsTo(taken, status(answer, "probe"))).toBe("ringing");
      const told = step(taken, status(answer, "probe"), 0).state;
      expect(leadsTo(told, timer)).toBe("ringing, probe_consult_leg ours");
      expect(leadsTo(told, status(answer, "probe"))).toContain("record no_answer warm");
    }
  });

  it("believes an answer that says more", () => {
    const taken = step(ringing(OURS), resumed, 0).state;
    expect(leadsTo(taken, status("in-progress", "probe"))).toContain("screening");
    expect(leadsTo(taken, status("busy", "probe"))).toContain("record busy warm");
  });

  it("waits for the answer of a leg whose ringing was told to the process that died", () => {
    const found = (exists: boolean | null): TransferEvent => ({
      type: "consult_found",
      attempt: 6,
      exists,
    });
    const taken = step(ringing(), resumed, 0).state;
    expect(leadsTo(taken, found(true))).toBe("ringing, arm 40000");
    expect(leadsTo(taken, found(null))).toBe("ringing, arm 40000");
    expect(leadsTo(taken, found(false))).toBe("ringing (pausing), arm 400");
    expect(leadsTo(taken, timer)).toContain("record failed warm");
  });
});
