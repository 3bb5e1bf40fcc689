import { describe, expect, it } from "vitest";
import { withAgentOfCall } from "../../../src/adapters/system/call-lines.js";
import { createLog } from "../../../src/adapters/system/pino-log.js";
import { FakeClock } from "../../fakes/fake-clock.js";

function capture() {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const clock = new FakeClock();
  const log = createLog({ level: "debug", pretty: false, destination });
  return { log: withAgentOfCall(log.child({ node: "n1", worker: 0 }), clock), lines, clock };
}

describe("the lines of a call", () => {
  it("have its agent, once a line has named it", () => {
    const { log, lines } = capture();
    log.warn("http: webhook failed", { callSid: "CA1" });
    log.child({ callSid: "CA1", agent: "support" }).info("call: started");
    log.warn("recording: not started", { callSid: "CA1" }, new Error("busy"));
    log.child({ callSid: "CA1" }).error("records: record refused, set aside");
    log.info("transfer: ended", { callSid: "CA2" });
    log.debug("transfer: ended", { callSid: "CA2", agent: "sales" });
    log.info("transfer: ended", { callSid: "CA2" });
    expect(lines.map((line) => line["agent"])).toEqual([
      undefined,
      "support",
      "support",
      "support",
      undefined,
      "sales",
      "sales",
    ]);
    expect(lines.every((line) => line["node"] === "n1" && line["worker"] === 0)).toBe(true);
  });

  it("keep an agent that they name themselves", () => {
    const { log, lines } = capture();
    log.info("call: started", { callSid: "CA1", agent: "support" });
    log.info("transfer: taken over", { callSid: "CA1", agent: "sales" });
    expect(lines.at(-1)).toMatchObject({ callSid: "CA1", agent: "sales" });
  });

  it("are no others: a line without a call gets no agent", () => {
    const { log, lines } = capture();
    log.info("call: started", { callSid: "CA1", agent: "support" });
    log.info("stopped");
    log.info("listening", { port: 1 });
    expect(lines.slice(1).some((line) => "agent" in line)).toBe(false);
  });

  it("lack the agent again a day after the last line that named it", () => {
    const { log, lines, clock } = capture();
    log.info("call: started", { callSid: "CA1", agent: "support" });
    clock.advance(24 * 60 * 60_000);
    log.info("recording: job given up", { callSid: "CA1" });
    expect(lines.at(-1)).not.toHaveProperty("agent");
  });
});
