/** What a schema finds wrong with a file, in words for the person who wrote the file. */
import type { z } from "zod";
import { didYouMean } from "../nearest.js";
import type { Report } from "./checks.js";
import { property } from "./raw.js";
import type { Path } from "./source-text.js";

type Issue = z.core.$ZodIssue;
type JsonSchema = Readonly<Record<string, unknown>>;

const TYPES: Readonly<Record<string, string>> = {
  string: "text",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "a mapping (name: value)",
  record: "a mapping (name: value)",
  array: "a list",
};

/** Messages of our own schemas begin like this; zod's do not. */
const OWN_MESSAGE = /^(?:is|must|needs) /;

export class SchemaIssues {
  readonly #jsonSchema: () => JsonSchema;
  /** Made when the first unknown key is found: that takes some milliseconds. */
  #made: JsonSchema | null = null;

  /** @param jsonSchema  of the same file, in draft 7. */
  constructor(jsonSchema: () => JsonSchema) {
    this.#jsonSchema = jsonSchema;
  }

  /** @param file  the data that the schema was applied to. */
  report(issue: Issue, file: unknown, report: Report): void {
    const path = issue.path.filter((part) => typeof part !== "symbol");
    switch (issue.code) {
      case "unrecognized_keys":
        for (const key of issue.keys)
          report([...path, key], `is unknown${didYouMean(key, this.#knownKeys(path))}`, "key");
        return;
      case "invalid_key":
        report(path, issue.issues[0]?.message ?? "is not allowed as a name", "key");
        return;
      case "invalid_type": {
        const value = path.reduce<unknown>((node, part) => property(node, part), file);
        if (path.length === 0 && value == null) report(path, "is empty");
        else if (value === undefined) report(path, "is missing");
        else if (OWN_MESSAGE.test(issue.message)) report(path, issue.message);
        else report(path, typeProblem(issue.expected, value));
        return;
      }
      case "invalid_value":
        report(path, `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`);
        return;
      case "invalid_union":
        report(
          path,
          OWN_MESSAGE.test(issue.message) ? issue.message : "must be server_vad or semantic_vad",
        );
        return;
      case "too_small":
        report(path, OWN_MESSAGE.test(issue.message) ? issue.message : `is below ${issue.minimum}`);
        return;
      case "too_big":
        report(path, `is above ${issue.maximum}${issue.origin === "string" ? " characters" : ""}`);
        return;
      default:
        report(path, issue.message);
    }
  }

  /** The names that are allowed where an unknown one was found, for a suggestion. */
  #knownKeys(path: Path): readonly string[] {
    this.#made ??= this.#jsonSchema();
    const schema = this.#made;
    const definitions = property(schema, "definitions");
    /**
     * Follows references and alternatives to every schema of this place that describes a mapping or
     * a list.
     */
    const resolved = (node: unknown): readonly unknown[] => {
      const reference = property(node, "$ref");
      if (typeof reference === "string")
        return resolved(property(definitions, reference.replace("#/definitions/", "")));
      const alternatives = ["anyOf", "allOf", "oneOf"].flatMap((key) => property(node, key) ?? []);
      return [node, ...alternatives.flatMap(resolved)];
    };
    let places = resolved(schema);
    for (const part of path)
      places = places
        .map((node) =>
          typeof part === "number"
            ? property(node, "items")
            : (property(property(node, "properties"), part) ??
              property(node, "additionalProperties")),
        )
        .flatMap(resolved);
    return places.flatMap((node) => Object.keys(Object(property(node, "properties"))));
  }
}

function typeProblem(expected: string, value: unknown): string {
  // YAML reads 0, 2026-12-04 and yes as other things than text.
  const unquoted = expected === "string" && typeof value !== "object";
  return `must be ${TYPES[expected] ?? expected}${unquoted ? ": put it in quotes" : ""}`;
}
