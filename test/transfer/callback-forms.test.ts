import { describe, expect, it } from "vitest";
import {
  callSidOf,
  conferenceEvent,
  countOf,
  dialEnd,
  queueEnd,
  screeningAnswer,
} from "../../src/transfer/callback-forms.js";
import type { Phase } from "../../src/transfer/transfer-events.js";
import { sid } from "../fakes/call-bench.js";
import { inPhase } from "./states.js";

describe("the end of a document", () => {
  it.each([
    ["in-progress", false],
    ["completed", true],
    ["busy", true],
    ["canceled", true],
    ["something new", false],
  ])("with the call %s is the end of the call: %s", (CallStatus, callOver) => {
    expect(dialEnd({ DialCallStatus: "busy", CallStatus })).toEqual({ result: "busy", callOver });
    expect(queueEnd({ QueueResult: "leave", CallStatus }).callOver).toBe(callOver);
  });

  it("without any news is a failure, and no end of the call", () => {
    expect(dialEnd({})).toEqual({ result: "failed", callOver: false });
    expect(queueEnd({})).toEqual({ result: "failed", callOver: false });
  });
});

describe("the answer of a call screening", () => {
  it.each([
    ["key", "1", "accept"],
    ["key", "2", "decline"],
    ["key", "3", null],
    ["key", "", null],
    ["key", undefined, null],
    ["no_key", "1", "none"],
  ] as const)("on page %s with key %s is %s", (page, Digits, answer) => {
    expect(screeningAnswer(Digits === undefined ? {} : { Digits }, page)).toBe(answer);
  });
});

describe("an event of the conference", () => {
  const ringing = inPhase({ name: "ringing", tries: 0, pausing: false }, ["warm"]);
  const current = { call: sid(1), revision: 5 };
  const join = { StatusCallbackEvent: "participant-join" };
  const leave = { StatusCallbackEvent: "participant-leave" };

  it("shows the caller in their document, by label or by call", () => {
    const seen = { type: "document_seen", revision: 5 };
    expect(conferenceEvent({ ...join, ParticipantLabel: "caller" }, ringing, current)).toEqual(
      seen,
    );
    expect(conferenceEvent({ ...join, CallSid: sid(1) }, ringing, current)).toEqual(seen);
  });

  it("shows the human of this attempt, and of no other", () => {
    const joined = (label: string) =>
      conferenceEvent({ ...join, ParticipantLabel: label, CallSid: sid(2) }, ringing, current);
    expect(joined("consult-6")).toEqual({ type: "consult_joined", attempt: 6 });
    expect(joined("consult-5")).toBeNull();
    expect(joined("virtual agent")).toBeNull();
  });

  it("tells that the caller hung up, but not that a human did", () => {
    const gone = { ...leave, ReasonParticipantLeft: "participant_hung_up" };
    expect(conferenceEvent({ ...gone, CallSid: sid(1) }, ringing, current)).toEqual({
      type: "caller_gone",
    });
    expect(conferenceEvent({ ...gone, CallSid: sid(2) }, ringing, current)).toBeNull();
  });

  it.each<[string, Phase, boolean]>([
    [
      "redirecting",
      { name: "redirecting", sinceMs: 0, tries: 0, fromStream: false, waits: "request" },
      true,
    ],
    [
      "returning",
      { name: "returning", tries: 0, outcome: "busy", next: "apology", waits: "accepted" },
      true,
    ],
    [
      "redirecting",
      { name: "redirecting", sinceMs: 0, tries: 0, fromStream: true, waits: "request" },
      false,
    ],
    ["ringing", { name: "ringing", tries: 0, pausing: false }, false],
  ])("shows that %s took the caller out of an older document", (_name, phase, fetched) => {
    const form = {
      ...leave,
      CallSid: sid(1),
      ReasonParticipantLeft: "participant_updated_via_api",
    };
    const older = { call: sid(1), revision: 4 };
    const seen = fetched ? { type: "document_seen", revision: 5 } : null;
    expect(conferenceEvent(form, inPhase(phase), older)).toEqual(seen);
    expect(conferenceEvent(form, inPhase(phase), current)).toBeNull();
  });

  it("of another kind says nothing", () => {
    expect(conferenceEvent({ StatusCallbackEvent: "conference-end" }, ringing, current)).toBeNull();
    expect(conferenceEvent({}, ringing, current)).toBeNull();
  });
});

describe("fields of a form", () => {
  it("hold a CallSid or not", () => {
    expect(callSidOf({ CallSid: sid(1) })).toBe(sid(1));
    for (const CallSid of ["", "CA/1", `CB${"0".repeat(32)}`])
      expect(callSidOf({ CallSid })).toBeNull();
    expect(callSidOf({})).toBeNull();
  });

  it("hold a count or not", () => {
    expect([countOf("0"), countOf("17")]).toEqual([0, 17]);
    for (const text of ["", "-1", "1.5", "1e3", "9999999999", undefined])
      expect(countOf(text)).toBeNull();
  });
});
