import { expect, it } from "vitest";
import { SCHEMA_NAMES, schemaText } from "../../src/cli/schema-text.js";

it.each(SCHEMA_NAMES)("%s is a JSON Schema with a title, ending in a line end", (name) => {
  const text = schemaText(name);
  expect(JSON.parse(text)).toMatchObject({
    $schema: expect.any(String),
    title: expect.any(String),
  });
  expect(text.endsWith("}\n")).toBe(true);
});
