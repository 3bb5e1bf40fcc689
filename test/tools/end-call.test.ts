import { describe, expect, it } from "vitest";
import { createJsonSchemaChecker } from "../../src/adapters/tools/json-schema.js";
import { END_CALL, endCallTool } from "../../src/tools/end-call.js";
import { ToolRegistry } from "../../src/tools/registry.js";
import { sid } from "../fakes/call-bench.js";

const context = {
  callSid: sid(1),
  from: "",
  to: "",
  agent: "support",
  language: "en",
  signal: new AbortController().signal,
  nowEpochMs: 0,
};

async function asked(text: string) {
  const checked = new ToolRegistry([endCallTool], createJsonSchemaChecker()).check(END_CALL, text);
  if (!checked.ok) throw new Error(checked.problem);
  return (await endCallTool.run(checked.args, context)).request;
}

describe("end_call", () => {
  it.each([
    ['{"reason":"all done"}', "all done"],
    ["{}", "end_call"],
    ["", "end_call"],
    ['{"reason":null}', "end_call"],
    ['{"reason":["a","b"],"urgency":"high"}', "a; b"],
    ['{"reason":7}', "7"],
    ['"bye"', "bye"],
    ["[]", "end_call"],
    ["{oops", "end_call"],
  ])("hangs up on %s", async (text, reason) => {
    expect(await asked(text)).toEqual({ kind: "end", reason });
  });

  it("shortens a long reason", async () => {
    const request = await asked(JSON.stringify({ reason: "r".repeat(10_000) }));
    expect(request).toEqual({ kind: "end", reason: `${"r".repeat(499)}…` });
  });
});
