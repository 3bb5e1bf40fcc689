import { expect, it } from "vitest";
import { failure, nullable, objectWith, STRING } from "../../../src/http/openapi/route-doc.js";

it("describes objects that have nothing but what is named", () => {
  expect(objectWith({ error: STRING }, { message: STRING })).toEqual({
    type: "object",
    properties: { error: STRING, message: STRING },
    required: ["error"],
    additionalProperties: false,
  });
  expect(nullable(STRING)).toEqual({ anyOf: [STRING, { type: "null" }] });
});

it("gives a refusal the schema that all refusals share", () => {
  expect(failure("No")).toEqual({
    description: "No",
    schema: { $ref: "#/components/schemas/Failure" },
  });
});
