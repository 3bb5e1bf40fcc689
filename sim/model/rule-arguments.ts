/** Takes a tool's arguments out of what the caller said, by the tool's JSON Schema. Pure. */
import { wordsOf } from "./words.js";

type Schema = Readonly<Record<string, unknown>>;

const EMAIL = /[\w.+-]+@[\w-]+\.[\w.-]*\w/;
/** Properties that hold a number or a code although their type is a text. */
const CODE_NAME = /number|code|order|invoice|account|reference|(?:^|_)id$|query/i;
const NAME = /(?:my name is|name is|this is|i am|i'm)\s+(\p{L}+(?:\s+\p{Lu}\p{L}*)?)/iu;
const POSITIVE = /\b(?:yes|yeah|sure|right|correct|sí|si|oui|ja)\b/i;

/**
 * @param hint  the tool's description: it may say which value to use when in doubt.
 * @returns     what was found; properties of which nothing was found are absent.
 */
export function readArguments(
  parameters: Schema,
  said: string,
  hint: string,
): Readonly<Record<string, unknown>> {
  const required = requiredOf(parameters);
  const found: Record<string, unknown> = {};
  for (const [name, schema] of propertiesOf(parameters)) {
    const value = argumentOf(name, schema, said, required.includes(name), hint);
    if (value !== null) found[name] = value;
  }
  return found;
}

/** The first required property that is absent, or null. */
export function missingArgument(
  parameters: Schema,
  given: Readonly<Record<string, unknown>>,
): string | null {
  return requiredOf(parameters).find((name) => !(name in given)) ?? null;
}

function propertiesOf(parameters: Schema): [string, Schema][] {
  const properties = parameters["properties"];
  if (typeof properties !== "object" || properties === null) return [];
  return Object.entries(properties).map(([name, schema]: [string, unknown]) => [
    name,
    typeof schema === "object" && schema !== null ? (schema as Schema) : {},
  ]);
}

function requiredOf(parameters: Schema): readonly string[] {
  const { required } = parameters;
  return Array.isArray(required) ? required.map(String) : [];
}

function argumentOf(
  name: string,
  schema: Schema,
  said: string,
  isRequired: boolean,
  hint: string,
): unknown {
  if (Array.isArray(schema["enum"]))
    return enumValue(schema["enum"].map(String), schema, said, isRequired, hint);
  switch (schema["type"]) {
    case "integer":
    case "number": {
      const digits = /-?\d+(?:\.\d+)?/.exec(said)?.[0];
      return digits === undefined ? null : Number(digits);
    }
    case "boolean":
      return isRequired ? POSITIVE.test(said) : null;
    case "string":
    case undefined:
      return textValue(name, schema, said, isRequired);
    default:
      // Lists and objects are beyond rules: a script can give them.
      return null;
  }
}

function textValue(name: string, schema: Schema, said: string, isRequired: boolean): string | null {
  const pattern = schema["pattern"];
  if (typeof pattern === "string") return matching(pattern, said);
  if (schema["format"] === "email" || /e-?mail/i.test(name)) return EMAIL.exec(said)?.[0] ?? null;
  if (/name$/i.test(name)) return NAME.exec(said)?.[1] ?? null;
  if (CODE_NAME.test(name)) {
    const code = EMAIL.exec(said)?.[0] ?? /[\w-]*\d[\w-]*/.exec(said)?.[0];
    if (code !== undefined) return code;
  }
  // A free text: all that was said. What is optional is left out.
  return isRequired && !CODE_NAME.test(name) ? said.trim() : null;
}

/** The first part of the text that the pattern matches, although it may be meant for a whole text. */
function matching(pattern: string, said: string): string | null {
  let whole: RegExp;
  try {
    whole = new RegExp(pattern, "u");
  } catch {
    return null;
  }
  const words = said.split(/\s+/).map((word) => word.replace(/^[("'¿¡]+|[.,;:!?)"']+$/gu, ""));
  return words.find((word) => word !== "" && whole.test(word)) ?? null;
}

function enumValue(
  values: readonly string[],
  schema: Schema,
  said: string,
  isRequired: boolean,
  hint: string,
): string | null {
  const heard = wordsOf(said);
  const overlap = (text: string) => [...wordsOf(text)].filter((word) => heard.has(word)).length;
  const described = typeof schema["description"] === "string" ? schema["description"] : "";
  let best: string | null = null;
  let highest = 0;
  for (const value of values) {
    const score = overlap(`${value.replaceAll("_", " ")} ${descriptionOf(value, described)}`);
    if (score > highest) [best, highest] = [value, score];
  }
  if (best !== null || !isRequired) return best;
  return values.find((value) => hint.includes(value)) ?? values[0] ?? null;
}

/** Of "…: billing: invoices; desk: all else" the part that belongs to one value. */
function descriptionOf(value: string, described: string): string {
  const from = described.indexOf(`${value}: `);
  return from < 0 ? "" : (described.slice(from + value.length + 2).split(";")[0] ?? "");
}
