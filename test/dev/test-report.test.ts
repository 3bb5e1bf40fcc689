import { describe, expect, it } from "vitest";
import type { ConversationResult } from "../../dev/conversation-call.js";
import { jsonReport, junitReport, resultLines, summaryLine } from "../../dev/test-report.js";

const PASSED: ConversationResult = {
  name: "a greeting",
  line: 2,
  ok: true,
  ms: 1_234,
  failures: [],
  transcript: [],
};
const FAILED: ConversationResult = {
  name: 'an <order> & "more"',
  line: 9,
  ok: false,
  ms: 500,
  failures: [
    {
      line: 11,
      turn: 1,
      caller: "Where is it?",
      differences: [{ expected: "says: here", actual: "the agent said: “there”" }],
    },
  ],
  transcript: ["caller: Where is it?", "agent: there"],
};
const FILES = [{ file: "c.yaml", results: [PASSED, FAILED] }];

describe("the report of conversations", () => {
  it("shows a failed one with its place, the difference and what was said", () => {
    expect(resultLines("c.yaml", FAILED)).toEqual([
      'FAIL  an <order> & "more" (0.5 s)',
      "      c.yaml:11 turn 1, caller: “Where is it?”",
      "        expected  says: here",
      "        actual    the agent said: “there”",
      "      the conversation:",
      "        caller: Where is it?",
      "        agent: there",
    ]);
    expect(resultLines("c.yaml", PASSED)).toEqual(["ok    a greeting (1.2 s)"]);
  });

  it("counts them", () => {
    expect(summaryLine(FILES)).toBe("1 of 2 conversations failed");
    expect(summaryLine([{ file: "c.yaml", results: [PASSED] }])).toBe("1 conversation passed");
  });

  it("is JSON for programs, and JUnit's XML for build servers", () => {
    expect(JSON.parse(jsonReport(FILES))).toMatchObject({ ok: false, files: [{ file: "c.yaml" }] });
    const xml = junitReport(FILES);
    expect(xml).toContain('<testsuite name="c.yaml" tests="2" failures="1" time="1.734">');
    expect(xml).toContain('name="an &#60;order&#62; &#38; &#34;more&#34;"');
    expect(xml).toContain('<failure message="expected says: here">');
  });
});
