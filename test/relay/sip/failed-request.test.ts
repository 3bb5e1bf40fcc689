import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import { warnUnlessGone } from "../../../src/relay/sip/failed-request.js";
import { FakeLog } from "../../fakes/fake-ports.js";

describe("a request about a leg that failed", () => {
  it("is logged with its code and the given fields", () => {
    const log = new FakeLog();
    const error = new RelayError("twilio_busy", "429", { retryable: true });
    warnUnlessGone(log, "sip: call not rejected", error, { callSid: "CA1" });
    expect(log.lines).toEqual([
      expect.stringContaining('warn sip: call not rejected {"callSid":"CA1","code":"twilio_busy"}'),
    ]);
  });

  it("is not logged when the leg is gone: then nothing is left to do", () => {
    const log = new FakeLog();
    warnUnlessGone(log, "sip: call not rejected", new RelayError("caller_gone", "404"));
    expect(log.lines).toEqual([]);
  });
});
