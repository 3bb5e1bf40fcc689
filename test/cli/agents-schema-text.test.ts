import { expect, it } from "vitest";
import { agentsSchemaText } from "../../src/cli/agents-schema-text.js";

it("is a JSON Schema of the agents file, ending in a line end", () => {
  const text = agentsSchemaText();
  const schema = JSON.parse(text) as { properties: Record<string, unknown> };
  expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(["agents", "numbers"]));
  expect(text.endsWith("}\n")).toBe(true);
});
