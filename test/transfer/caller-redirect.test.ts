import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../../src/domain/errors.js";
import { redirected, streamFollowed } from "../../src/transfer/caller-redirect.js";
import { Draft } from "../../src/transfer/draft.js";
import { REDIRECT_MS } from "../../src/transfer/timings.js";
import type {
  OnStream,
  Phase,
  RedirectWait,
  TransferEvent,
} from "../../src/transfer/transfer-events.js";
import { step } from "../../src/transfer/transfer-state.js";
import { inPhase, leadsTo } from "./states.js";

function redirecting(waits: RedirectWait, fromStream = true, tries = 0): Phase {
  return { name: "redirecting", sinceMs: 0, tries, fromStream, waits };
}

function returning(waits: RedirectWait, next: "back_to_agent" | "apology", tries = 0): Phase {
  return { name: "returning", tries, outcome: "busy", next, waits };
}

const timer = (onStream: OnStream): TransferEvent => ({ type: "timer", onStream });
const failed = (code: ErrorCode, onStream: OnStream): TransferEvent => ({
  type: "redirect_failed",
  revision: 5,
  code,
  onStream,
});
const probed = (
  status: Extract<TransferEvent, { type: "probed" }>["status"],
  onStream: OnStream,
): TransferEvent => ({ type: "probed", revision: 5, status, onStream });

describe("a redirect out of the stream", () => {
  it("that was accepted waits for the stream's end, and then makes Twilio ask", () => {
    const state = inPhase(redirecting("accepted"));
    expect(leadsTo(state, timer(false))).toBe("dialing, record calling desk, arm 40000");
    expect(leadsTo(state, timer(true))).toBe(
      "redirecting (asked), record stream_closed, arm 8000, close_stream",
    );
  });

  it.each<[ErrorCode]>([["twilio_busy"], ["twilio_timeout"], ["twilio_rejected"]])(
    "that failed with %s was carried out when the stream has ended",
    (code) => {
      expect(leadsTo(inPhase(redirecting("request")), failed(code, false))).toBe(
        `dialing, record redirect_failed ${code}, record calling desk, arm 40000`,
      );
    },
  );

  it("is sent again after a pause, but not once the caller would notice the silence", () => {
    const busy = failed("twilio_busy", true);
    const pausing = inPhase(redirecting("request", true, 1));
    expect(leadsTo(pausing, busy, REDIRECT_MS - 400)).toContain("(before_request)");
    expect(leadsTo(pausing, busy, REDIRECT_MS - 399)).toContain("close_stream");
    expect(leadsTo(inPhase(redirecting("before_request")), timer(true))).toBe(
      "redirecting (request), redirect to step",
    );
  });

  it("is looked into when Twilio takes the call for over, unless the stream has ended, too", () => {
    const state = inPhase(redirecting("request"));
    for (const onStream of [true, null])
      expect(leadsTo(state, failed("caller_gone", onStream))).toBe("redirecting (probe), probe");
    expect(leadsTo(state, failed("caller_gone", false))).toContain("end desk caller_gone gone");
  });

  it("is looked into when its fate is unknown", () => {
    const state = inPhase(redirecting("probe"));
    expect(leadsTo(state, probed("completed", true))).toContain("end desk caller_gone gone");
    expect(leadsTo(state, probed("in-progress", false))).toContain("dialing");
    expect(leadsTo(state, probed("in-progress", true))).toBe(
      "redirecting (before_request), arm 200",
    );
    expect(leadsTo(state, probed(null, true))).toBe("redirecting (before_probe), arm 200");
    expect(leadsTo(inPhase(redirecting("before_probe")), timer(true))).toBe(
      "redirecting (probe), probe",
    );
  });

  it("is replaced by a question of Twilio's, and by a probe when Twilio does not ask", () => {
    const asked = inPhase(redirecting("asked"));
    expect(leadsTo(asked, { type: "stream_followed" })).toBe(
      "dialing, answer step, record calling desk, arm 40000",
    );
    expect(leadsTo(asked, timer(false))).toBe("redirecting (probe, no stream), probe");
  });

  it("of another process counts as carried out, because otherwise Twilio would ask", () => {
    expect(leadsTo(inPhase(redirecting("taken_up")), timer(false))).toContain("dialing");
  });
});

describe("a redirect out of a document", () => {
  it("that was accepted without effect is looked into and sent again, three times at most", () => {
    const accepted = (tries: number) => inPhase(redirecting("accepted", false, tries));
    expect(leadsTo(accepted(0), timer(false))).toBe("redirecting (probe, no stream), probe");
    expect(leadsTo(accepted(1), timer(false))).toBe("redirecting (probe, no stream), probe");
    expect(leadsTo(accepted(2), timer(false))).toContain("record failed desk");
  });

  it("waits for callbacks before it believes that it was not carried out", () => {
    expect(leadsTo(inPhase(redirecting("request", false)), failed("twilio_timeout", false))).toBe(
      "redirecting (before_probe, no stream), record redirect_failed twilio_timeout, arm 6000",
    );
  });

  it("ends with the next step after ten tries", () => {
    const busy = failed("twilio_busy", false);
    expect(leadsTo(inPhase(redirecting("request", false, 8)), busy)).toContain("(before_request");
    expect(leadsTo(inPhase(redirecting("request", false, 9)), busy)).toContain(
      "redirecting step 1",
    );
  });
});

describe("the way back", () => {
  it("is over when the caller is on a stream again, or when no stream could show it", () => {
    const state = inPhase(returning("request", "back_to_agent"));
    for (const onStream of [true, null])
      expect(leadsTo(state, { type: "redirected", revision: 5, onStream })).toBe("over, disarm");
    expect(leadsTo(state, { type: "redirected", revision: 5, onStream: false })).toBe(
      "returning (accepted), arm 6000",
    );
    expect(leadsTo(inPhase(returning("accepted", "back_to_agent")), timer(true))).toBe(
      "over, disarm",
    );
  });

  it("to the apology is over when a callback shows it: a stream would be the old one", () => {
    const state = inPhase(returning("request", "apology"));
    expect(leadsTo(state, { type: "redirected", revision: 5, onStream: true })).toBe(
      "returning (accepted), arm 6000",
    );
    expect(leadsTo(state, { type: "document_seen", revision: 5 })).toBe("over, disarm");
  });

  it("that leads nowhere ends the call rather than leave the caller in hold music", () => {
    const state = inPhase(returning("accepted", "back_to_agent", 2));
    expect(leadsTo(state, timer(false))).toBe(
      "over, record given_up desk, hang_up_caller, disarm, lost",
    );
  });

  it("is lost when the caller hangs up", () => {
    const state = inPhase(returning("request", "back_to_agent"));
    // One answer to one request does not prove it.
    expect(leadsTo(state, failed("caller_gone", false))).toBe("returning (probe), probe");
    const probing = inPhase(returning("probe", "back_to_agent"));
    expect(leadsTo(probing, probed("completed", false))).toBe("over, disarm, lost");
    // Twilio says that the call is gone, but the caller is on a stream: that is the better witness.
    expect(leadsTo(state, failed("caller_gone", true))).toBe("over, disarm");
  });
});

describe("a redirect that waits", () => {
  it("has a clock or a request under way in every wait, and time always leads on", () => {
    const waits: RedirectWait[] = [
      "before_request",
      "before_probe",
      "accepted",
      "asked",
      "taken_up",
    ];
    for (const fromStream of [true, false]) {
      for (const name of waits) {
        const { state, effects } = step(inPhase(redirecting(name, fromStream)), timer(true), 5_000);
        expect(effects.length, name).toBeGreaterThan(0);
        expect(state.phase).not.toEqual(redirecting(name, fromStream));
      }
    }
  });

  it("moves the caller by the answer to Twilio's question once, and answered again afterwards", () => {
    const draft = new Draft(inPhase(redirecting("request")));
    streamFollowed(draft);
    expect(draft.effects[0]).toEqual({ do: "answer", page: "step" });
    const effects = draft.effects.length;
    streamFollowed(draft);
    redirected(draft, { type: "redirected", revision: 5, onStream: false });
    expect(draft.effects).toHaveLength(effects);
    expect(leadsTo(draft.state, { type: "stream_followed" })).toBe("dialing, answer step");
  });
});
