import { describe, expect, it } from "vitest";
import { fillUrl } from "../../../src/adapters/http-client/url-template.js";

const CRM = "https://crm.example.com/callers/{from}?agent={agent}";

describe("the placeholders of a URL", () => {
  it("are filled percent-encoded, and named", () => {
    const { url, used } = fillUrl(CRM, { from: "+1 555", agent: "a&b=c", extra: 1 });
    expect(url).toBe("https://crm.example.com/callers/%2B1%20555?agent=a%26b%3Dc");
    expect([...used]).toEqual(["from", "agent"]);
  });

  it("take numbers and booleans as text", () => {
    expect(fillUrl("https://a.example/{n}/{b}", { n: 0, b: false }).url).toBe(
      "https://a.example/0/false",
    );
  });

  it.each([
    ["a missing value", { agent: "x" }],
    ["an empty value", { from: "", agent: "x" }],
    ["an object", { from: {}, agent: "x" }],
    ["null", { from: null, agent: "x" }],
    ["a value inherited from Object", { agent: "x" }],
  ])("are refused with %s", (_what, values) => {
    expect(() => fillUrl(CRM.replace("{from}", "{from}{toString}"), values)).toThrow(
      expect.objectContaining({ code: "tool_arguments_invalid" }),
    );
  });

  it.each([".", ".."])("are refused where a value would change the path: %s", (from) => {
    expect(() => fillUrl(CRM, { from, agent: "x" })).toThrow(
      expect.objectContaining({ code: "tool_arguments_invalid" }),
    );
  });

  it("cannot leave the host, whatever the value", () => {
    for (const from of ["//evil.example", "@evil.example", "\\evil", "a/../../b", "?x", "#x"]) {
      const { url } = fillUrl(CRM, { from, agent: "x" });
      expect(new URL(url).origin).toBe("https://crm.example.com");
      expect(new URL(url).pathname.split("/")).toHaveLength(3);
    }
  });
});
