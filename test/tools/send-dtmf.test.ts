import { describe, expect, it } from "vitest";
import { createJsonSchemaChecker } from "../../src/adapters/tools/json-schema.js";
import { ToolRegistry } from "../../src/tools/registry.js";
import { parseSendDtmf, SEND_DTMF, sendDtmfTool } from "../../src/tools/send-dtmf.js";

describe("send_dtmf", () => {
  it.each([
    ["1wa#", "1wA#"],
    ["W*0d", "w*0D"],
  ])("writes %s as %s", (digits, written) => {
    expect(parseSendDtmf({ digits })).toEqual({ kind: "dtmf", digits: written });
  });

  it("sends nothing for what is not text", () => {
    expect(parseSendDtmf({ digits: 12 })).toEqual({ kind: "dtmf", digits: "" });
  });

  it.each(["12 34", "", "1".repeat(33), "e"])("does not take %j", (digits) => {
    const registry = new ToolRegistry([sendDtmfTool], createJsonSchemaChecker());
    expect(registry.check(SEND_DTMF, JSON.stringify({ digits })).ok).toBe(false);
  });
});
