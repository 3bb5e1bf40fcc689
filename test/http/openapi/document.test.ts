import { describe, expect, it } from "vitest";
import {
  answersOf,
  type DescribedRoute,
  openApiDocument,
  openApiPath,
} from "../../../src/http/openapi/document.js";

const route = (changes: Partial<DescribedRoute>): DescribedRoute => ({
  method: "GET",
  path: "/api/things/:id",
  access: "viewer",
  doc: { summary: "A thing", answers: { 200: { description: "It" } } },
  ...changes,
});

describe("the OpenAPI document", () => {
  it("writes paths with braces", () => {
    expect(openApiPath("/api/calls/:callSid/end")).toBe("/api/calls/{callSid}/end");
    expect(openApiPath("/console/*")).toBe("/console/{rest}");
  });

  it("puts the methods of one path together, with their parameters", () => {
    const document = openApiDocument(
      [
        route({ doc: { summary: "Reads", query: { q: { description: "Words" } }, answers: {} } }),
        route({ method: "DELETE" }),
      ],
      "1.2.3",
    ) as { paths: Record<string, Record<string, { parameters: object[] }>> };
    const thing = document.paths["/api/things/{id}"];
    expect(Object.keys(thing ?? {})).toEqual(["get", "delete"]);
    expect(thing?.["get"]?.parameters).toMatchObject([
      { name: "id", in: "path", required: true },
      { name: "q", in: "query", required: false },
    ]);
  });

  it.each([
    ["viewer", "GET", ["200", "401", "403", "429", "500", "503"]],
    ["open", "GET", ["200", "403", "500"]],
    ["public_files", "GET", ["200", "500", "503"]],
    ["same_site", "POST", ["200", "400", "403", "413", "415", "500", "503"]],
  ] as const)(
    "adds the answers that follow from access %s and method %s",
    (access, method, statuses) => {
      expect(Object.keys(answersOf(route({ access, method })))).toEqual(statuses);
    },
  );
});
