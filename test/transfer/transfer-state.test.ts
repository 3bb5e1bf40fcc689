import { describe, expect, it } from "vitest";
import { FAREWELL_MS } from "../../src/transfer/timings.js";
import type { Phase, TransferEvent, TransferState } from "../../src/transfer/transfer-events.js";
import { beginTransfer, step } from "../../src/transfer/transfer-state.js";
import { destinationNamed } from "./document-parts.js";
import { inPhase, leadsTo, OURS } from "./states.js";

const WARM = ["warm", "desk"];

/** Each phase, before anything has gone wrong in it. */
const STATES: Readonly<Record<string, TransferState>> = {
  "the farewell": inPhase({ name: "farewell" }),
  "redirecting, out of the stream": inPhase({
    name: "redirecting",
    sinceMs: 0,
    tries: 0,
    fromStream: true,
    waits: "request",
  }),
  "redirecting, out of a document": inPhase({
    name: "redirecting",
    sinceMs: 0,
    tries: 0,
    fromStream: false,
    waits: "request",
  }),
  dialing: inPhase({ name: "dialing", callerGone: false, probing: false, probes: 0 }),
  ringing: inPhase({ name: "ringing", tries: 0, pausing: false }, WARM, { consultLeg: OURS }),
  screening: inPhase({ name: "screening" }, WARM, { consultLeg: OURS }),
  joining: inPhase({ name: "joining", probes: 0 }, WARM, { consultLeg: OURS }),
  returning: inPhase({
    name: "returning",
    tries: 0,
    outcome: "busy",
    next: "back_to_agent",
    waits: "request",
  }),
  over: inPhase({ name: "over", outcome: "answered", next: "connected" }),
};

const EVENTS: Readonly<Record<string, TransferEvent>> = {
  farewell_heard: { type: "farewell_heard", onStream: true },
  stream_followed: { type: "stream_followed" },
  "redirected, on stream": { type: "redirected", revision: 5, onStream: true },
  "redirected, off stream": { type: "redirected", revision: 5, onStream: false },
  "redirect_failed twilio_busy": failed("twilio_busy", true),
  "redirect_failed twilio_timeout": failed("twilio_timeout", true),
  "redirect_failed twilio_rejected": failed("twilio_rejected", true),
  "redirect_failed caller_gone": failed("caller_gone", false),
  document_seen: { type: "document_seen", revision: 5 },
  "child_status in-progress": { type: "child_status", revision: 5, status: "in-progress" },
  "child_status busy": { type: "child_status", revision: 5, status: "busy" },
  "document_ended answered": ended("answered"),
  "document_ended busy": ended("busy"),
  "document_ended no_answer, call over": ended("no_answer", true),
  consult_created: { type: "consult_created", attempt: 6, sid: OURS },
  "consult_failed twilio_rejected": {
    type: "consult_failed",
    attempt: 6,
    code: "twilio_rejected",
  },
  "consult_status in-progress": consultStatus("in-progress"),
  "consult_status completed": consultStatus("completed"),
  "consult_answered accept": pressed("accept"),
  "consult_answered decline": pressed("decline"),
  "consult_answered none": pressed("none"),
  consult_joined: { type: "consult_joined", attempt: 6 },
  caller_gone: { type: "caller_gone" },
  timer: { type: "timer", onStream: true },
  resumed: { type: "resumed" },
};

function failed(
  code: Extract<TransferEvent, { type: "redirect_failed" }>["code"],
  onStream: boolean,
): TransferEvent {
  return { type: "redirect_failed", revision: 5, code, onStream };
}

function ended(
  result: Extract<TransferEvent, { type: "document_ended" }>["result"],
  callOver = false,
): TransferEvent {
  return { type: "document_ended", revision: 5, result, callOver };
}

function consultStatus(status: "in-progress" | "completed"): TransferEvent {
  return { type: "consult_status", attempt: 6, sid: OURS, status, source: "callback" };
}

function pressed(answer: "accept" | "decline" | "none"): TransferEvent {
  return { type: "consult_answered", attempt: 6, sid: OURS, answer };
}

/**
 * Phase × event → next phase and effects. What is not listed changes nothing and asks for nothing.
 */
const TABLE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "the farewell": {
    farewell_heard: "redirecting (request), record redirect desk, arm 1500, redirect to step",
    stream_followed: "dialing, answer step, record calling desk, arm 40000",
    "document_ended answered": "farewell, answer step",
    "document_ended busy": "farewell, answer step",
    "document_ended no_answer, call over": "farewell, answer step",
    consult_created: "farewell, hang_up_consult_leg ours",
    "consult_status in-progress": "farewell, hang_up_consult_leg ours",
    "consult_answered accept": "farewell, answer too_late",
    "consult_answered decline": "farewell, answer too_late",
    "consult_answered none": "farewell, answer too_late",
    caller_gone: "over, record caller_gone desk, disarm, end desk caller_gone gone",
    timer: "redirecting (request), record redirect desk, arm 1500, redirect to step",
    resumed: "farewell, arm 8000",
  },
  "redirecting, out of the stream": {
    stream_followed: "dialing, answer step, record calling desk, arm 40000",
    "redirected, on stream": "redirecting (accepted), arm 3000",
    "redirected, off stream": "dialing, record calling desk, arm 40000",
    "redirect_failed twilio_busy":
      "redirecting (before_request), record redirect_failed twilio_busy, arm 200",
    "redirect_failed twilio_timeout":
      "redirecting (probe), record redirect_failed twilio_timeout, probe",
    "redirect_failed twilio_rejected":
      "redirecting (asked), record redirect_failed twilio_rejected, record stream_closed, arm 8000, close_stream",
    "redirect_failed caller_gone":
      "over, record caller_gone desk, disarm, end desk caller_gone gone",
    document_seen: "dialing, record calling desk, arm 40000",
    "child_status in-progress":
      "over, record calling desk, arm 40000, disarm, end desk answered connected",
    "child_status busy": "dialing, record calling desk, arm 40000",
    "document_ended answered":
      "over, record calling desk, arm 40000, disarm, end desk answered connected, answer hangup",
    "document_ended busy":
      "dialing step 1 revision 6, record calling desk, arm 40000, record busy desk, answer step, record calling queue, arm 2720000",
    "document_ended no_answer, call over":
      "over, record calling desk, arm 40000, record caller_gone desk, disarm, end desk caller_gone gone, answer hangup",
    consult_created: "redirecting (request), hang_up_consult_leg ours",
    "consult_status in-progress": "redirecting (request), hang_up_consult_leg ours",
    "consult_answered accept": "redirecting (request), answer too_late",
    "consult_answered decline": "redirecting (request), answer too_late",
    "consult_answered none": "redirecting (request), answer too_late",
    caller_gone: "over, record caller_gone desk, disarm, end desk caller_gone gone",
    timer: "redirecting (asked), record stream_closed, arm 8000, close_stream",
    resumed: "redirecting (taken_up), arm 8000",
  },
  "redirecting, out of a document": {
    stream_followed: "dialing, answer step, record calling desk, arm 40000",
    "redirected, on stream": "redirecting (accepted, no stream), arm 6000",
    "redirected, off stream": "redirecting (accepted, no stream), arm 6000",
    "redirect_failed twilio_busy":
      "redirecting (before_request, no stream), record redirect_failed twilio_busy, arm 200",
    "redirect_failed twilio_timeout":
      "redirecting (before_probe, no stream), record redirect_failed twilio_timeout, arm 6000",
    "redirect_failed twilio_rejected":
      "redirecting step 1 revision 6 (request, no stream), record redirect_failed twilio_rejected, record failed desk, record redirect queue, disarm, redirect to step",
    "redirect_failed caller_gone": "redirecting (probe, no stream), probe",
    document_seen: "dialing, record calling desk, arm 40000",
    "child_status in-progress":
      "over, record calling desk, arm 40000, disarm, end desk answered connected",
    "child_status busy": "dialing, record calling desk, arm 40000",
    "document_ended answered":
      "over, record calling desk, arm 40000, disarm, end desk answered connected, answer hangup",
    "document_ended busy":
      "dialing step 1 revision 6, record calling desk, arm 40000, record busy desk, answer step, record calling queue, arm 2720000",
    "document_ended no_answer, call over":
      "over, record calling desk, arm 40000, record caller_gone desk, disarm, end desk caller_gone gone, answer hangup",
    consult_created: "redirecting (request, no stream), hang_up_consult_leg ours",
    "consult_status in-progress": "redirecting (request, no stream), hang_up_consult_leg ours",
    "consult_answered accept": "redirecting (request, no stream), answer too_late",
    "consult_answered decline": "redirecting (request, no stream), answer too_late",
    "consult_answered none": "redirecting (request, no stream), answer too_late",
    caller_gone: "over, record caller_gone desk, disarm, end desk caller_gone gone",
    resumed: "redirecting (before_probe, no stream), arm 2000",
  },
  dialing: {
    stream_followed: "dialing, answer step",
    "child_status in-progress": "over, disarm, end desk answered connected",
    "document_ended answered": "over, disarm, end desk answered connected, answer hangup",
    "document_ended busy":
      "dialing step 1 revision 6, record busy desk, answer step, record calling queue, arm 2720000",
    "document_ended no_answer, call over":
      "over, record caller_gone desk, disarm, end desk caller_gone gone, answer hangup",
    consult_created: "dialing, hang_up_consult_leg ours",
    "consult_status in-progress": "dialing, hang_up_consult_leg ours",
    "consult_answered accept": "dialing, answer too_late",
    "consult_answered decline": "dialing, answer too_late",
    "consult_answered none": "dialing, answer too_late",
    caller_gone: "dialing (caller gone), arm 2000",
    timer: "dialing (probing), probe",
    resumed: "dialing, arm 40000",
  },
  ringing: {
    stream_followed: "ringing, answer step",
    "document_ended answered":
      "dialing step 1 revision 6, record failed warm, hang_up_consult_leg ours, answer step, record calling desk, arm 40000",
    "document_ended busy":
      "dialing step 1 revision 6, record failed warm, hang_up_consult_leg ours, answer step, record calling desk, arm 40000",
    "document_ended no_answer, call over":
      "over, record caller_gone warm, hang_up_consult_leg ours, disarm, end warm caller_gone gone, answer hangup",
    "consult_status in-progress": "screening, record screening, arm 120000",
    "consult_status completed":
      "redirecting step 1 revision 6 (request, no stream), record no_answer warm, record redirect desk, disarm, redirect to step",
    "consult_answered accept": "joining, record accept, arm 5000, answer join",
    "consult_answered decline":
      "redirecting step 1 revision 6 (request, no stream), record decline, record declined warm, hang_up_consult_leg ours, record redirect desk, disarm, redirect to step, answer too_late",
    "consult_answered none":
      "redirecting step 1 revision 6 (request, no stream), record no_key, record no_answer warm, hang_up_consult_leg ours, record redirect desk, disarm, redirect to step, answer too_late",
    consult_joined: "over, disarm, end warm answered connected",
    caller_gone:
      "over, record caller_gone warm, hang_up_consult_leg ours, disarm, end warm caller_gone gone",
    timer: "ringing, probe_consult_leg ours",
    resumed: "ringing, arm 40000, probe_consult_leg ours",
  },
  screening: {
    stream_followed: "screening, answer step",
    "document_ended answered":
      "dialing step 1 revision 6, record failed warm, hang_up_consult_leg ours, answer step, record calling desk, arm 40000",
    "document_ended busy":
      "dialing step 1 revision 6, record failed warm, hang_up_consult_leg ours, answer step, record calling desk, arm 40000",
    "document_ended no_answer, call over":
      "over, record caller_gone warm, hang_up_consult_leg ours, disarm, end warm caller_gone gone, answer hangup",
    "consult_status completed":
      "redirecting step 1 revision 6 (request, no stream), record declined warm, record redirect desk, disarm, redirect to step",
    "consult_answered accept": "joining, record accept, arm 5000, answer join",
    "consult_answered decline":
      "redirecting step 1 revision 6 (request, no stream), record decline, record declined warm, hang_up_consult_leg ours, record redirect desk, disarm, redirect to step, answer too_late",
    "consult_answered none":
      "redirecting step 1 revision 6 (request, no stream), record no_key, record no_answer warm, hang_up_consult_leg ours, record redirect desk, disarm, redirect to step, answer too_late",
    consult_joined: "over, disarm, end warm answered connected",
    caller_gone:
      "over, record caller_gone warm, hang_up_consult_leg ours, disarm, end warm caller_gone gone",
    timer:
      "redirecting step 1 revision 6 (request, no stream), record no_answer warm, hang_up_consult_leg ours, record redirect desk, disarm, redirect to step",
    resumed: "screening, arm 120000, probe_consult_leg ours",
  },
  joining: {
    stream_followed: "joining, answer step",
    "document_ended answered": "over, disarm, end warm answered connected, answer hangup",
    "document_ended busy": "over, disarm, end warm answered connected, answer hangup",
    "document_ended no_answer, call over":
      "over, record caller_gone warm, hang_up_consult_leg ours, disarm, end warm caller_gone gone, answer hangup",
    "consult_status completed":
      "redirecting step 1 revision 6 (request, no stream), record failed warm, record redirect desk, disarm, redirect to step",
    "consult_answered accept": "joining, answer join",
    "consult_answered decline": "joining, answer too_late",
    "consult_answered none": "joining, answer too_late",
    consult_joined: "over, disarm, end warm answered connected",
    caller_gone:
      "over, record caller_gone warm, hang_up_consult_leg ours, disarm, end warm caller_gone gone",
    timer: "joining, probe_consult_leg ours",
    resumed: "joining, arm 5000",
  },
  returning: {
    stream_followed: "returning (request), answer agent",
    "redirected, on stream": "over, disarm",
    "redirected, off stream": "returning (accepted), arm 6000",
    "redirect_failed twilio_busy": "over, record redirect_failed twilio_busy, disarm",
    "redirect_failed twilio_timeout": "over, record redirect_failed twilio_timeout, disarm",
    "redirect_failed twilio_rejected": "over, record redirect_failed twilio_rejected, disarm",
    "redirect_failed caller_gone": "returning (probe), probe",
    document_seen: "over, disarm",
    "child_status in-progress": "over, disarm",
    "child_status busy": "over, disarm",
    "document_ended answered": "over, disarm, answer agent",
    "document_ended busy": "over, disarm, answer agent",
    "document_ended no_answer, call over": "over, disarm, answer agent",
    consult_created: "returning (request), hang_up_consult_leg ours",
    "consult_status in-progress": "returning (request), hang_up_consult_leg ours",
    "consult_answered accept": "returning (request), answer too_late",
    "consult_answered decline": "returning (request), answer too_late",
    "consult_answered none": "returning (request), answer too_late",
    caller_gone: "over, disarm, lost",
    timer: "over, disarm",
    resumed: "returning (probe), probe",
  },
  over: {
    stream_followed: "over, answer hangup",
    "document_ended answered": "over, answer hangup",
    "document_ended busy": "over, answer hangup",
    "document_ended no_answer, call over": "over, answer hangup",
    consult_created: "over, hang_up_consult_leg ours",
    "consult_status in-progress": "over, hang_up_consult_leg ours",
    "consult_answered accept": "over, answer too_late",
    "consult_answered decline": "over, answer too_late",
    "consult_answered none": "over, answer too_late",
  },
};

describe("a transfer's decisions", () => {
  const cells = Object.keys(STATES).flatMap((phase) =>
    Object.keys(EVENTS).map((event) => [phase, event] as const),
  );

  it.each(cells)("%s × %s", (phase, event) => {
    const state = STATES[phase]!;
    const expected = TABLE[phase]?.[event];
    if (expected !== undefined) {
      expect(leadsTo(state, EVENTS[event]!)).toBe(expected);
      return;
    }
    const next = step(state, EVENTS[event]!, 1_000);
    expect(next.state).toEqual(state);
    expect(next.effects).toEqual([]);
  });

  it("names no cell that is not there", () => {
    for (const [phase, row] of Object.entries(TABLE)) {
      expect(STATES).toHaveProperty([phase]);
      for (const event of Object.keys(row)) expect(EVENTS).toHaveProperty([event]);
    }
  });

  it.each(Object.keys(STATES))("ignore news of another document or leg in %s", (phase) => {
    for (const event of Object.values(EVENTS)) {
      for (const by of [-1, 1]) {
        const stale = (
          "revision" in event
            ? { ...event, revision: 5 + by }
            : "attempt" in event
              ? { ...event, attempt: 6 + by }
              : null
        ) as TransferEvent | null;
        if (stale === null) continue;
        const { state, effects } = step(STATES[phase]!, stale, 1_000);
        expect(state).toBe(STATES[phase]);
        const asked = effects.filter(
          (effect) => effect.do !== "answer" && effect.do !== "hang_up_consult_leg",
        );
        expect(asked).toEqual([]);
      }
    }
  });

  it("ends at most once, and after its end asks for nothing but the end of late legs", () => {
    for (const event of Object.values(EVENTS)) {
      const { state, effects } = step(STATES["over"]!, event, 1_000);
      expect(state).toBe(STATES["over"]);
      for (const effect of effects) expect(["answer", "hang_up_consult_leg"]).toContain(effect.do);
    }
  });
});

describe("a transfer that has not begun", () => {
  it("starts at the first step, above the numbers of earlier transfers", () => {
    expect(beginTransfer([destinationNamed("desk")], "apology", 42)).toEqual({
      failoverList: [destinationNamed("desk")],
      step: 0,
      agentStays: false,
      revision: 42,
      attempt: 0,
      consultLeg: null,
      afterLastStep: "apology",
      phase: { name: "farewell" },
    });
  });

  it("calls its first consult leg by a number that no earlier transfer has used", () => {
    const state = beginTransfer([destinationNamed("warm")], "agent", 42);
    const entered = step(state, { type: "stream_followed" }, 0).state;
    expect(entered.attempt).toBe(42);
  });

  it("waits for a farewell longer than any farewell may take", () => {
    expect(FAREWELL_MS).toBeGreaterThan(30_000);
  });

  it("does not move the caller when the agent stays while the human is called", () => {
    const stays = inPhase({ name: "farewell" }, ["warm", "desk"], { agentStays: true });
    expect(leadsTo(stays, { type: "farewell_heard", onStream: null })).toBe(
      "ringing attempt 7, record calling warm, arm 40000, call_consult_leg",
    );
  });

  it("fetches a caller without a stream by requests alone", () => {
    const state = inPhase({ name: "farewell" });
    expect(leadsTo(state, { type: "farewell_heard", onStream: null })).toBe(
      "redirecting (request, no stream), record redirect desk, disarm, redirect to step",
    );
  });
});

describe("the last step that failed", () => {
  const dialing: Phase = { name: "dialing", callerGone: false, probing: false, probes: 0 };

  it("brings the caller back to the agent, or to the apology", () => {
    expect(leadsTo(inPhase(dialing, ["desk"]), ended("busy"))).toBe(
      "over, record busy desk, disarm, end desk busy back_to_agent, answer agent",
    );
    const alone = inPhase(dialing, ["desk"], { afterLastStep: "apology" });
    expect(leadsTo(alone, ended("busy"))).toBe(
      "over, record busy desk, disarm, end desk busy apology, answer apology",
    );
  });

  it("tells the agent before it fetches the caller out of a conference", () => {
    const screening = inPhase({ name: "screening" }, ["warm"], { consultLeg: OURS });
    expect(leadsTo(screening, { type: "timer", onStream: false })).toBe(
      "returning revision 6 (request), record no_answer warm, hang_up_consult_leg ours, disarm, " +
        "end warm no_answer back_to_agent, redirect to agent",
    );
  });

  it("fetches no caller when the agent was with the caller all the time", () => {
    const ringing = inPhase({ name: "ringing", tries: 0, pausing: false }, ["warm"], {
      consultLeg: OURS,
      agentStays: true,
    });
    expect(leadsTo(ringing, consultStatus("completed"))).toBe(
      "over, record no_answer warm, disarm, end warm no_answer back_to_agent",
    );
  });

  it("leaves the caller in the conference when the next step calls another human", () => {
    const ringing = inPhase({ name: "ringing", tries: 0, pausing: false }, ["warm", "warm_too"], {
      consultLeg: OURS,
    });
    expect(leadsTo(ringing, consultStatus("completed"))).toBe(
      "ringing step 1 attempt 7, record no_answer warm, record calling warm_too, arm 35000, " +
        "call_consult_leg",
    );
  });
});
