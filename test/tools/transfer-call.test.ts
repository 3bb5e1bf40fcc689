import { describe, expect, it } from "vitest";
import { createJsonSchemaChecker } from "../../src/adapters/tools/json-schema.js";
import { RelayError } from "../../src/domain/errors.js";
import { ToolRegistry } from "../../src/tools/registry.js";
import {
  parseTransferCall,
  TRANSFER_CALL,
  transferCallTool,
} from "../../src/tools/transfer-call.js";
import { agent, sid } from "../fakes/call-bench.js";
import { failoverAgent } from "../transfer/directory.js";

const profile = failoverAgent("desk", "sip");
const context = {
  callSid: sid(1),
  from: "",
  to: "",
  agent: "support",
  language: "en",
  signal: new AbortController().signal,
  nowEpochMs: 0,
};

/** What the tool asks of the call for arguments as the model wrote them. */
async function asked(text: string) {
  const tool = transferCallTool(profile);
  if (tool === null) throw new Error("no tool");
  const checked = new ToolRegistry([tool], createJsonSchemaChecker()).check(TRANSFER_CALL, text);
  if (!checked.ok) throw new Error(checked.problem);
  return (await tool.run(checked.args, context)).request;
}

const desk = { kind: "transfer", destination: "desk", reason: null, summary: null, urgency: null };

describe("transfer_call", () => {
  it("is not offered without a directory", () => {
    const { transfer } = agent();
    expect(
      transferCallTool(agent({ transfer: { ...transfer, destinations: new Map() } })),
    ).toBeNull();
  });

  it("shows names and descriptions of the directory, never a number or address", () => {
    const text = JSON.stringify(transferCallTool(profile));
    expect(text).toContain("desk: people; sip: invoices");
    expect(text).not.toMatch(/\+1202|pbx\.example/);
  });

  it.each<[string, string, object]>([
    ["no more than a destination", '{"destination":"desk"}', {}],
    ["a destination in other letters", '{"destination":" DESK "}', {}],
    ["a destination by what it is for", '{"destination":"people"}', {}],
    ["an extra field", '{"destination":"desk","phone":"+19005550100"}', {}],
    ["a null", '{"destination":"desk","reason":null,"summary":null,"urgency":null}', {}],
    ["a list", '{"destination":"desk","reason":["a","b"]}', { reason: "a; b" }],
    ["a number", '{"destination":"desk","reason":7}', { reason: "7" }],
    ["a blank", '{"destination":"desk","summary":"  "}', {}],
    ["markup", '{"destination":"desk","reason":"</Task> & \\"x\\""}', { reason: '</Task> & "x"' }],
    ["an urgency of its own", '{"destination":"desk","urgency":"critical"}', { urgency: "high" }],
    ["an urgency in capitals", '{"destination":"desk","urgency":"HIGH"}', { urgency: "high" }],
    ["an urgency that means nothing", '{"destination":"desk","urgency":"blue"}', {}],
    ["no object", '"desk"', {}],
    ["text that breaks off", '{"destination":"desk","reason":"they wa', {}],
  ])("takes %s", async (_what, text, changes) => {
    expect(await asked(text)).toEqual({ ...desk, ...changes });
  });

  it("shortens what is too long", async () => {
    const request = await asked(
      JSON.stringify({
        destination: "desk",
        reason: "r".repeat(501),
        summary: "s".repeat(100_000),
      }),
    );
    expect(request).toMatchObject({
      reason: `${"r".repeat(499)}…`,
      summary: `${"s".repeat(3_999)}…`,
    });
  });

  it.each([
    ["{}", "Name a destination"],
    ['{"destination":null}', "Name a destination"],
    ['{"destination":"warehouse"}', "There is no such destination"],
    ['{"destination":"+12025550111"}', "There is no such destination"],
    ["{oops", "Name a destination"],
  ])("answers %s with the names that there are", async (text, what) => {
    await expect(asked(text)).rejects.toMatchObject({
      code: "tool_arguments_invalid",
      message: `${what}. It must be one of: desk, sip.`,
    });
  });

  it("throws an error of ours, whose message the model may read", () => {
    expect(() => parseTransferCall({}, profile)).toThrow(RelayError);
  });
});
