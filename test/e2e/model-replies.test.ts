/** Replies that do not come as speech, on both paths: what is heard, recorded, counted and logged. */
import { describe, type ExpectStatic } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { McpCall, Turn } from "../../sim/model/script.js";
import { incomplete, rateLimited, writtenReply } from "../../sim/model/turns.js";
import type { Leg } from "../../sim/twilio/leg.js";
import type { ToolDefinition } from "../../src/domain/agent-profile.js";
import { onlyAgent } from "../fakes/heard-call.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { sipAgent, startSipStage } from "../fakes/sip-stage.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(400, 2) };
const question = speechLike(600, 3);
const mcp = { server: "shop", name: "stock", arguments: { sku: "1" } };

const shop: ToolDefinition = {
  name: "shop",
  description: "",
  parameters: {},
  source: { kind: "mcp", server: { server_url: "https://mcp.example.com" } },
  timeoutMs: 3_000,
  sayWhileWaiting: null,
};

/** Of the context of a test. */
interface Beside {
  readonly closes: Closes;
  readonly expect: ExpectStatic;
}

/** A caller who is greeted, asks, and hears the answer after `turn`. */
async function answeredAfter(
  { closes, expect }: Beside,
  path: "media-stream" | "sip",
  turn: Turn,
): Promise<{ readonly on: Stage; readonly call: Leg }> {
  const profile = sipAgent("desk");
  const options = {
    agents: onlyAgent({ ...profile, tools: [...profile.tools, shop] }),
    model: { mcpServers: { shop: { tools: [{ name: "stock" }] } } },
  };
  const script = { turns: [{ say: GREETING }, turn, { say: ANSWER }], quotes: false };
  const on =
    path === "sip"
      ? await startSipStage({ ...options, script })
      : await startStage(script, options);
  closes(on);
  const call = on.twilio.placeCall();
  const heard = (): string[] =>
    on
      .record(call.sid)
      .turns.flatMap(({ who, text, heardMs }) =>
        who === "agent" && text !== null && (heardMs ?? 0) > 0 ? [text] : [],
      );
  await on.until(call.sid, "agent_heard");
  await call.say(question);
  await expect.poll(heard, { timeout: 15_000 }).toContain(ANSWER.text);
  await expect.poll(() => on.model.sessions[0]!.active, { timeout: 5_000 }).toBeNull();
  expect(on.model.sessions[0]!.responses).toHaveLength(3);
  expect(on.model.violations()).toEqual([]);
  return { on, call };
}

describe.concurrent.each(["media-stream", "sip"] as const)("on the path %s", (path) => {
  it.for<[string, string, McpCall, RegExp]>([
    ["fails", "error", { ...mcp, outcome: "failed" }, /mcp: call failed/],
    ["succeeds", "ok", { ...mcp, order: "before_done" }, /mcp: call finished/],
    ["needs approval", "ok", { ...mcp, approval: true }, /mcp: call finished/],
  ])(
    "an MCP call that %s stands in record, metric and log",
    async ([_, outcome, call, line], { closes, expect }) => {
      const { on, call: caller } = await answeredAfter({ closes, expect }, path, { mcp: [call] });
      expect(on.record(caller.sid).tools).toMatchObject([{ name: "stock", outcome }]);
      expect(on.record(caller.sid).tools[0]?.arguments).toBe('{"sku":"1"}');
      expect(await on.metrics()).toContain(
        `murelay_tool_seconds_count{tool="shop",outcome="${outcome}",worker="0"} 1`,
      );
      expect(on.log.lines.join("\n")).toMatch(line);
    },
  );

  it("a reply that comes as text is spoken, and stands in the record as not heard", async ({
    closes,
    expect,
  }) => {
    const { on, call } = await answeredAfter({ closes, expect }, path, writtenReply("It left."));
    // What is asked for next is that text, spoken.
    const asked = on.model.sessions[0]!.responses.at(-1)?.request["instructions"];
    expect(String(asked)).toContain("It left.");
    const { turns, events } = on.record(call.sid);
    expect(turns.find(({ text }) => text === "It left.")).toMatchObject({
      who: "agent",
      heardText: "",
      heardMs: 0,
    });
    expect(events.map(({ name }) => name)).toContain("text_reply");
    expect(on.log.lines.join("\n")).toMatch(/warn model: reply came as text/);
  });

  it("a response that is incomplete without sound is asked for once more", async ({
    closes,
    expect,
  }) => {
    const { on, call } = await answeredAfter(
      { closes, expect },
      path,
      incomplete("max_output_tokens"),
    );
    expect(on.record(call.sid).events.map(({ name }) => name)).toContain("reply_asked_again");
    expect(await on.metrics()).toMatch(
      /owed_replies_total\{cause="response_incomplete",outcome="asked_again",worker="0"\} 1/,
    );
  });

  it("a told wait is waited, and not a moment less", async ({ closes, expect }) => {
    const { on } = await answeredAfter({ closes, expect }, path, rateLimited(1.2));
    const [, limited, answer] = on.model.sessions[0]!.responses;
    const waitedMs = answer!.createdAtMs - limited!.doneAtMs!;
    expect(waitedMs).toBeGreaterThanOrEqual(1_190);
    expect(waitedMs).toBeLessThan(2_500);
  });
});
