import { describe, expect, it } from "vitest";
import { z } from "zod";
import { SchemaIssues } from "../../../src/config/agents/schema-issues.js";

const schema = z.strictObject({
  name: z.string().min(1, "is empty").max(3).optional(),
  size: z.int().min(2).optional(),
  on: z.boolean().optional(),
  kind: z.enum(["a", "b"]).optional(),
  list: z.array(z.strictObject({ caller: z.string() })).optional(),
  map: z.record(z.string().regex(/^[a-z]+$/, "is no name"), z.string()).optional(),
  either: z.union([z.string(), z.array(z.string())], { error: "must be one or many" }).optional(),
});
const issues = new SchemaIssues(() => z.toJSONSchema(schema, { target: "draft-7" }));

function faultsOf(data: unknown): string[] {
  const found: string[] = [];
  for (const issue of schema.safeParse(data).error?.issues ?? [])
    issues.report(issue, data, (at, problem, where) => {
      found.push(`${at.join(".")} ${problem}${where === "key" ? " (key)" : ""}`);
    });
  return found;
}

describe("what a schema finds wrong", () => {
  it.each<[unknown, string]>([
    [null, " is empty"],
    ["text", " must be a mapping (name: value)"],
    [{ nam: "x" }, "nam is unknown (did you mean name?) (key)"],
    [
      { list: [{ caller: "x", caler: "y" }] },
      "list.0.caler is unknown (did you mean caller?) (key)",
    ],
    [{ list: [{}] }, "list.0.caller is missing"],
    [{ name: 7 }, "name must be text: put it in quotes"],
    [{ name: true }, "name must be text: put it in quotes"],
    [{ name: {} }, "name must be text"],
    [{ name: "" }, "name is empty"],
    [{ name: "long" }, "name is above 3 characters"],
    [{ size: 1 }, "size is below 2"],
    [{ size: "1" }, "size must be a number"],
    [{ on: "yes" }, "on must be true or false"],
    [{ kind: "c" }, 'kind must be "a" or "b"'],
    [{ list: "x" }, "list must be a list"],
    [{ map: 7 }, "map must be a mapping (name: value)"],
    [{ map: { A: "x" } }, "map.A is no name (key)"],
    [{ either: 7 }, "either must be one or many"],
  ])("is said in words: %j", (data, fault) => expect(faultsOf(data)).toEqual([fault]));
});
