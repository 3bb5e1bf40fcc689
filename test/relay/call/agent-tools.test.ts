import { describe, expect, it } from "vitest";
import type { ResponseId, ToolCallId } from "../../../src/domain/ids.js";
import { AgentTools } from "../../../src/relay/call/agent-tools.js";
import type { ToolBatch, ToolHost } from "../../../src/relay/call/call-tools.js";
import type { ResponseEnd } from "../../../src/relay/model/model-session.js";
import type { ToolAnswered, ToolRunner } from "../../../src/tools/runner.js";
import type { CallRequest } from "../../../src/tools/tool.js";
import { silentLog } from "../../fakes/silent-log.js";
import { settle } from "../../fakes/sip-bench.js";

const END_CALL: CallRequest = { kind: "end", reason: "done" };
const TRANSFER: CallRequest = {
  kind: "transfer",
  destination: "desk",
  reason: "asked for",
  summary: null,
  urgency: null,
};

function end(spoke = false): ResponseEnd {
  return {
    responseId: "r1" as ResponseId,
    status: "completed",
    calls: [],
    spoke,
    problem: null,
    retryAfterMs: null,
    textOnly: null,
    mcpCalls: [],
    phase: null,
  };
}

function stage(...requests: readonly (CallRequest | null)[]) {
  const batches: ToolBatch[] = [];
  const done: string[] = [];
  const runner = {
    run: async () =>
      requests.map((request, i) => ({ callId: `c${i}` as ToolCallId, request }) as ToolAnswered),
    cancel: () => [done.push("cancel")],
    cancelRunning: () => [done.push("cancelRunning")],
  } as unknown as ToolRunner;
  const host = {
    toolRuns: { started: () => undefined, ended: () => undefined },
    setLanguage: (language: string) => {
      done.push(`language ${language}`);
      return true;
    },
    log: silentLog,
    sendDtmf: (digits: string) => void done.push(`dtmf ${digits}`),
  } as unknown as ToolHost;
  const tools = new AgentTools(host, [], runner);
  const run = async (spoke = false) => {
    tools.run(end(spoke), (batch) => void batches.push(batch));
    await settle();
  };
  return { batches, done, tools, run };
}

describe("the tools of one response", () => {
  it("end the call, after a farewell that is still to be asked for or was spoken", async () => {
    const { batches, run } = stage(END_CALL);
    await run(false);
    await run(true);
    expect(batches.map(({ disposition }) => disposition)).toEqual([
      { kind: "end", reason: "done", farewell: "ask" },
      { kind: "end", reason: "done", farewell: "play" },
    ]);
  });

  it.each([
    [END_CALL, TRANSFER],
    [TRANSFER, END_CALL],
  ])("transfer a caller whom they both transfer and hang up on", async (...requests) => {
    const { batches, run } = stage(...requests);
    await run();
    expect(batches[0]?.disposition).toMatchObject({
      kind: "transfer",
      request: { destination: "desk", by: "agent" },
    });
  });

  it("change the language and send digits while the call stays", async () => {
    const { batches, done, run } = stage(
      { kind: "language", language: "es" },
      { kind: "dtmf", digits: "12#" },
      null,
    );
    await run();
    expect(done).toEqual(["language es", "dtmf 12#"]);
    expect(batches[0]?.disposition).toBeNull();
  });

  it("tell no answer to a model that is gone, and run again for the one that follows", async () => {
    const { batches, done, tools, run } = stage(END_CALL);
    const first = run();
    tools.cancelRunning();
    await first;
    expect([batches, done]).toEqual([[], ["cancelRunning"]]);
    await run();
    expect(batches).toHaveLength(1);
  });

  it("tell nothing once the call is over", async () => {
    const { batches, done, tools, run } = stage(END_CALL);
    const first = run();
    tools.cancel();
    await first;
    expect([batches, done]).toEqual([[], ["cancel"]]);
  });
});
