import { describe, expect, it } from "vitest";
import type { ResponseId, ToolCallId } from "../../../src/domain/ids.js";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import type { Disposition } from "../../../src/relay/call/call-events.js";
import type { CallTools, ToolBatch, ToolRun } from "../../../src/relay/call/call-tools.js";
import { ToolAnswers, type ToolAnswersHost } from "../../../src/relay/call/tool-answers.js";
import type { ModelSession, ResponseEnd } from "../../../src/relay/model/model-session.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";

const END: ResponseEnd = {
  responseId: "r1" as ResponseId,
  status: "completed",
  calls: [{ callId: "c1" as ToolCallId, name: "lookup_order", arguments: "{}" }],
  spoke: false,
  problem: null,
  retryAfterMs: null,
  textOnly: null,
  mcpCalls: [],
  phase: null,
};

const run = (name = "lookup_order"): ToolRun => ({
  callId: "c1" as ToolCallId,
  name,
  metricName: name,
  arguments: "{}",
  output: '{"ok":true}',
  ms: 5,
  outcome: "ok",
});

const TRANSFER: Disposition = {
  kind: "transfer",
  farewell: "play",
  request: { destination: "desk", reason: null, summary: null, urgency: null, by: "agent" },
};

function stage() {
  const clock = new FakeClock();
  const events: RecordEvent[] = [];
  const told: string[] = [];
  const left: Disposition[] = [];
  const dones: ((batch: ToolBatch) => void)[] = [];
  const session = {
    toolResults: (runs: readonly ToolRun[], requestReply: boolean) =>
      void told.push(`results ${runs.map(({ output }) => output).join()} ${requestReply}`),
    note: (text: string) => void told.push(`note ${text}`),
    requestResponse: () => void told.push("requestResponse"),
  } as unknown as ModelSession;
  const host = {
    session: session as ModelSession | null,
    eventLog: new CallEventLog(sid(1), { write: (_, event) => void events.push(event) }, () =>
      clock.nowMs(),
    ),
    isOver: false,
    stays: false,
    agentStaysDuring: () => host.stays,
    leave: (disposition: Disposition) => void left.push(disposition),
  };
  const tools: CallTools = {
    specs: [],
    run: (_end, done) => void dones.push(done),
    replied: () => undefined,
    cancelRunning: () => [run("running")],
    cancel: () => [run("last")],
  };
  const typed: ToolAnswersHost = host;
  const fake = new FakeMetrics();
  const one = new ToolAnswers(tools, typed, fake.metrics);
  one.run(END);
  const answer = (disposition: Disposition | null = null, answered = run()) =>
    dones.shift()?.({ runs: [answered], disposition });
  return { events, told, left, session, host, one, answer, fake };
}

describe("the answer of a tool", () => {
  it("goes to the model that asked, and into the record", () => {
    const { events, told, left, answer } = stage();
    answer();
    expect(told).toEqual(['results {"ok":true} true']);
    expect(events).toMatchObject([{ type: "tool", name: "lookup_order", outcome: "ok" }]);
    expect(left).toEqual([]);
  });

  it("waits for the session where the connection to the same model is new", () => {
    const { told, session, host, one, answer } = stage();
    host.session = null;
    answer();
    expect(told).toEqual([]);
    expect(one.sessionReady(session)).toBe(true);
    expect(told).toEqual(['results {"ok":true} true']);
    expect(one.sessionReady(session)).toBe(false);
  });

  it("is told as a fact to a model that did not ask", () => {
    const { told, one, answer } = stage();
    one.conversationBegins();
    answer();
    expect(told).toEqual([expect.stringMatching(/^note .*lookup_order/), "requestResponse"]);
  });

  it("is in the history that a new conversation begins with, and not told once more", () => {
    const { told, session, host, one, answer } = stage();
    host.session = null;
    answer();
    one.conversationBegins();
    expect([one.sessionReady(session), told]).toEqual([false, []]);
  });

  it("takes the caller away, and the model is not asked to go on", () => {
    const { told, left, answer } = stage();
    answer(TRANSFER, run("transfer_call"));
    expect([told, left]).toEqual([['results {"ok":true} false'], [TRANSFER]]);
  });

  it("lets a model that stays with the caller go on", () => {
    const { told, host, answer } = stage();
    host.stays = true;
    answer(TRANSFER, run("transfer_call"));
    expect(told).toEqual([expect.stringMatching(/^results .*colleague is being called.* true$/)]);
  });

  it("is dropped once the call is over", () => {
    const { events, told, host, answer } = stage();
    host.isOver = true;
    answer();
    expect([events, told]).toEqual([[], []]);
  });

  it("is recorded where nobody is told it, because its model or the call is gone", () => {
    const { events, told, host, one, fake } = stage();
    one.cancelRunning();
    host.isOver = true;
    one.cancel();
    expect(events).toMatchObject([
      { type: "tool", name: "running" },
      { type: "tool", name: "last" },
    ]);
    expect(host.eventLog.history()).toHaveLength(2);
    expect(fake.count("toolSeconds")).toBe(2);
    expect(told).toEqual([]);
  });
});
