import { describe, expect, it } from "vitest";
import type { SessionProbeResult } from "../../../src/adapters/openai/session-probe.js";
import { checkSession } from "../../../src/cli/doctor/session-check.js";
import type { RealtimeSession } from "../../../src/wire/realtime-client.js";
import { agent } from "../../fakes/call-bench.js";

const CONFIGURED: SessionProbeResult = {
  kind: "configured",
  input: "audio/pcmu",
  output: "audio/pcmu",
};
const refused = (param: string | null, message: string, code = "invalid_value") =>
  ({
    kind: "refused",
    fault: { type: "invalid_request_error", code, param, message, eventId: null },
  }) as const;

async function check(...answers: readonly SessionProbeResult[]) {
  const sent: RealtimeSession[] = [];
  const speaks = agent({ modelSettings: { speed: 1.2, reasoningEffort: "low" } });
  const results = [];
  for await (const result of checkSession(speaks, [], async (session) => {
    sent.push(session);
    return answers[Math.min(sent.length, answers.length) - 1]!;
  }))
    results.push(`${result.severity} ${result.text}`);
  return { sent, results };
}

describe("the check of an agent's session", () => {
  it("sends what a call would send", async () => {
    const { sent, results } = await check(CONFIGURED);
    expect(sent[0]).toMatchObject({
      instructions: "Be brief.",
      audio: { input: { format: { type: "audio/pcmu" } }, output: { voice: "marin", speed: 1.2 } },
      reasoning: { effort: "low" },
    });
    expect(results).toEqual(["ok support: a session with gpt-realtime-2.1 was configured"]);
  });

  it("names each refused part with the server's parameter and message, and goes on without it", async () => {
    const { sent, results } = await check(
      refused("session.reasoning", "Unknown parameter."),
      refused("session.audio.output.speed", "Too fast."),
      CONFIGURED,
    );
    expect(results).toEqual([
      "warn support: the model refuses reasoning (session.reasoning: Unknown parameter.); calls go on without it",
      "warn support: the model refuses speed (session.audio.output.speed: Too fast.); calls go on without it",
      "ok support: a session with gpt-realtime-2.1 was configured",
    ]);
    expect(sent[2]).not.toHaveProperty("reasoning");
    expect(sent[2]?.audio?.output).not.toHaveProperty("speed");
  });

  it.each<[string, SessionProbeResult, RegExp]>([
    [
      "a part that cannot be left out",
      refused("session.audio.input.format", "No."),
      /refuses the session \(session\.audio\.input\.format: No\.\)/,
    ],
    [
      "a key without quota",
      refused(null, "Quota.", "insufficient_quota"),
      /refuses the session \(Quota\.\)/,
    ],
    [
      "another format",
      { kind: "configured", input: "audio/pcmu", output: "audio/pcm" },
      /audio\/pcm out/,
    ],
    ["no answer", { kind: "timeout" }, /no configured session within 10 s/],
    [
      "a refused handshake",
      { kind: "closed", failure: { code: 0, reason: "", httpStatus: 401 } },
      /upstream_account/,
    ],
  ])("fails on %s", async (_name, answer, text) => {
    const { results } = await check(answer);
    expect(results).toEqual([expect.stringMatching(/^fail /)]);
    expect(results[0]).toMatch(text);
  });

  it("ends even if the model refuses the same part for ever", async () => {
    const { sent } = await check(refused("session.audio.output.voice", "No."));
    expect(sent.length).toBeLessThan(20);
  });
});
