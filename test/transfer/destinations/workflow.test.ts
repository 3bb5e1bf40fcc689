import { describe, expect, it } from "vitest";
import { renderTwiml } from "../../../src/adapters/twilio/twiml-xml.js";
import { workflow } from "../../../src/transfer/destinations/workflow.js";
import { parseXml } from "../../adapters/xml-reader.js";
import { sid } from "../../fakes/call-bench.js";
import { document, MARKUP, parts, verb } from "../document-parts.js";

describe("workflow", () => {
  it("makes a task with all that is known, its priority by urgency, every character intact", () => {
    const made = document(
      parts(
        "experts",
        { reason: MARKUP, summary: MARKUP, urgency: "high" },
        { recordUrl: "https://desk.example.com/calls/1", caseReference: "CASE-7" },
      ),
    );
    const xml = parseXml(renderTwiml(made));
    const task = xml.children[0]?.children[0];
    expect(task).toMatchObject({ name: "Task", attributes: { priority: "10" } });
    expect(JSON.parse(task?.text ?? "")).toEqual({
      reason: MARKUP,
      summary: MARKUP,
      urgency: "high",
      caller: "+12025550100",
      language: "en",
      agent: "support",
      callSid: sid(1),
      record: "https://desk.example.com/calls/1",
      case: "CASE-7",
    });
    expect(xml.children).toHaveLength(1);
  });

  it("cuts a summary visibly, and leaves the rest of the task alone", () => {
    const { target } = verb(
      document(parts("experts", { summary: "word ".repeat(2_000) })),
      "enqueue",
    );
    const attributes = target.type === "workflow" ? target.attributes : {};
    expect(attributes["summary"]).toMatch(/^(word )+.*…$/);
    expect(attributes["reason"]).toBe("lost parcel");
  });

  it("reads its entry, with priorities unless it has its own", () => {
    const base = { name: "x", description: "", then: null, maxPerHour: null };
    const priority = { low: 2, medium: 3, high: 4 };
    expect(workflow.read(base, { workflow: "WW1" })).toMatchObject({
      workflowSid: "WW1",
      priority: { low: 1, medium: 5, high: 10 },
    });
    expect(workflow.read(base, { workflow: "WW1", priority })).toMatchObject({ priority });
  });

  it("names the CRM's case, so it waits for it", () => {
    expect(workflow.namesCase).toBe(true);
  });
});
