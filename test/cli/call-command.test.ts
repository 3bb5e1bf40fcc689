import { afterEach, describe, expect, it } from "vitest";
import { type CallOptions, call } from "../../src/cli/call-command.js";
import { ioFor, OperatorApi } from "../fakes/operator-api.js";

const NUMBER = "+442079460123";
let api: OperatorApi | null = null;
afterEach(() => {
  api?.close();
  api = null;
});

async function ask(to: string, options: Partial<CallOptions> = {}, status = 202) {
  api = await OperatorApi.start(() => [status, '{"callSid":"CA1"}']);
  const io = api.io();
  const exit = await call(io, to, { agent: "support", ...options });
  return { io, exit, bodies: api.asked.map(({ request, body }) => [request, JSON.parse(body)]) };
}

describe("murelay call", () => {
  it("asks the running relay, with what was given and nothing else", async () => {
    expect((await ask(NUMBER)).bodies).toEqual([
      ["POST /api/calls", { to: NUMBER, agent: "support" }],
    ]);
    api?.close();
    const more = { from: "+442079460999", context: '{"order":7}' };
    const { io, exit, bodies } = await ask(NUMBER, more);
    expect(bodies[0]?.[1]).toMatchObject({ from: "+442079460999", context: { order: 7 } });
    expect([exit, io.lines]).toEqual([0, ['{"callSid":"CA1"}']]);
  });

  it.each<[string, Partial<CallOptions>, RegExp]>([
    ["2079460123", {}, /^the number to call /],
    [NUMBER, { from: "0" }, /^--from /],
    [NUMBER, { context: "[1]" }, /^--context is not a JSON object/],
    [NUMBER, { context: "null" }, /^--context is not a JSON object/],
    [NUMBER, { context: "{" }, /^--context is not a JSON object/],
  ])("asks nothing when it is used wrongly: %s %j", async (to, options, problem) => {
    const { io, exit, bodies } = await ask(to, options);
    expect([exit, bodies]).toEqual([2, []]);
    expect(io.errors).toEqual([expect.stringMatching(problem)]);
  });

  it("tells why the relay refused", async () => {
    const { io, exit } = await ask(NUMBER, {}, 429);
    expect([exit, io.lines]).toEqual([1, []]);
    expect(io.errors[0]).toContain("HTTP 429");
  });

  it("says so when no relay runs", async () => {
    const io = ioFor(1);
    expect(await call(io, NUMBER, { agent: "support" })).toBe(1);
    expect(io.errors[0]).toContain("no relay answers on 127.0.0.1:1");
  });
});
