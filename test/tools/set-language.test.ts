import { describe, expect, it } from "vitest";
import { parseSetLanguage, setLanguageTool } from "../../src/tools/set-language.js";
import { agent } from "../fakes/call-bench.js";

const spanish = new Map([["es", { voice: null, instructions: null }]]);

describe("set_language", () => {
  it("is not offered to an agent of one language", () => {
    expect(setLanguageTool(agent())).toBeNull();
    expect(setLanguageTool(agent({ language: "es", languages: spanish }))).toBeNull();
  });

  it("offers the agent's languages, its first among them", () => {
    expect(setLanguageTool(agent({ languages: spanish }))?.parameters).toMatchObject({
      properties: { language: { enum: ["en", "es"] } },
    });
  });

  it("asks the call to go on in the language", () => {
    expect(parseSetLanguage({ language: "es" })).toEqual({ kind: "language", language: "es" });
    expect(parseSetLanguage({ language: 7 })).toEqual({ kind: "language", language: "" });
  });
});
