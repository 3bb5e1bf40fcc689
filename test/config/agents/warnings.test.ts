import { describe, expect, it } from "vitest";
import { agentsWarnings } from "../../../src/config/agents/warnings.js";

function warningsOf(file: unknown) {
  const warnings: string[] = [];
  agentsWarnings(file, (path, problem) => void warnings.push(`${path.join(".")} ${problem}`));
  return warnings;
}

describe("warnings of an agents file", () => {
  it("name voices that do not exist, with what was probably meant", () => {
    expect(
      warningsOf({
        defaults: { voice: "nova" },
        agents: {
          a: { voice: "Marin" },
          b: { voice: "voice_abc123", languages: { es: { voice: "cedr" }, en: {} } },
          c: { voice: "cedar" },
        },
      }),
    ).toEqual([
      'defaults.voice "nova" is not a known voice',
      'agents.a.voice "Marin" is not a known voice (did you mean marin?)',
      'agents.b.languages.es.voice "cedr" is not a known voice (did you mean cedar?)',
    ]);
  });

  it("name tools that no agent lists; the defaults count", () => {
    expect(
      warningsOf({
        defaults: { tools: ["x"] },
        agents: { a: { tools: ["y"] } },
        tools: { x: {}, y: {}, z: {} },
      }),
    ).toEqual(["tools.z is listed by no agent: add it to the agent's tools"]);
  });

  it("are none for data of another shape", () => {
    for (const file of [null, [], { agents: [1], tools: 7 }, { agents: { a: null } }])
      expect(warningsOf(file)).toEqual([]);
  });
});
