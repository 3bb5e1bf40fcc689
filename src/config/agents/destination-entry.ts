/**
 * The entries of a directory: their schema, made from the destination kinds that are registered,
 * the rules that take more than one field, and the way from an entry to a Destination.
 */
import { z } from "zod";
import type { Destination } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import type { DestinationKind } from "../../transfer/destinations/destination-kind.js";
import {
  type EntryField,
  type EntryValues,
  type FieldValue,
  MAX_PER_HOUR,
} from "../../transfer/destinations/entry-fields.js";
import { DESTINATION_KINDS } from "../../transfer/destinations/kinds.js";
import { parseDialTarget } from "./dial-target.js";

/** The keys of which an entry has exactly one. */
export const KIND_KEYS: readonly string[] = DESTINATION_KINDS.map(({ key }) => key);

const dialTargetText = z
  .string("is not text: put numbers in quotes")
  .superRefine((text, context) => {
    const target = parseDialTarget(text, null);
    if (typeof target === "string") context.addIssue({ code: "custom", message: target });
  });

const kindFields: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  DESTINATION_KINDS.flatMap(({ fields }) => Object.entries(fields)).map(([name, field]) => [
    name,
    fieldSchema(field).optional().describe(field.description),
  ]),
);

export const destinationSchema = z
  .strictObject({
    ...kindFields,
    description: z.string().max(500).default("").describe("Shown to the model"),
    max_per_hour: z
      .int()
      .min(MAX_PER_HOUR.min)
      .max(MAX_PER_HOUR.max)
      .nullable()
      .optional()
      .describe(MAX_PER_HOUR.description),
    then: z.string().nullable().default(null).describe("Next destination when this one fails"),
  })
  .meta({ id: "destination", description: `Exactly one of ${KIND_KEYS.join(", ")}` });

function fieldSchema(field: EntryField): z.ZodType {
  switch (field.type) {
    case "target":
      return dialTargetText;
    case "text": {
      const text = z.string().min(field.minLength).max(field.maxLength);
      return field.pattern === undefined ? text : text.regex(field.pattern, field.problem);
    }
    case "integer":
      return z.int().min(field.min).max(field.max);
    case "priorities":
      return prioritiesSchema(field.defaults);
  }
}

function prioritiesSchema(defaults: Extract<EntryField, { type: "priorities" }>["defaults"]) {
  const priority = (urgency: keyof typeof defaults) => z.int().min(0).default(defaults[urgency]);
  return z.strictObject({
    low: priority("low"),
    medium: priority("medium"),
    high: priority("high"),
  });
}

/** Undefined: not given, or of the wrong shape, which the schema reports. */
function fieldValue(field: EntryField, value: unknown): FieldValue | undefined {
  switch (field.type) {
    case "target": {
      const target = typeof value === "string" ? parseDialTarget(value, null) : "";
      return typeof target === "string" ? undefined : target;
    }
    case "text":
      return typeof value === "string" ? value : undefined;
    case "integer":
      return typeof value === "number" ? value : undefined;
    case "priorities":
      return prioritiesSchema(field.defaults).safeParse(value).data;
  }
}

function valuesOf(kind: DestinationKind, entry: Readonly<Record<string, unknown>>): EntryValues {
  return Object.fromEntries(
    Object.entries(kind.fields).map(([name, field]) => [name, fieldValue(field, entry[name])]),
  );
}

/**
 * Fields of another kind, and faults that take two fields to see.
 *
 * @param entry  as it stands in the file.
 */
export function checkDestination(
  entry: Readonly<Record<string, unknown>>,
  report: (field: string, problem: string, where?: "key") => void,
): void {
  const kind = DESTINATION_KINDS.find(({ key }) => entry[key] !== undefined);
  if (kind === undefined) return;
  for (const name of Object.keys(kindFields)) {
    // A second kind is reported as such. timeout_s has always been allowed beside every kind.
    if (entry[name] === undefined || KIND_KEYS.includes(name) || name === "timeout_s") continue;
    if (!(name in kind.fields)) report(name, `is only allowed with ${kindsWith(name)}`, "key");
  }
  for (const { field, problem } of kind.problems(valuesOf(kind, entry))) report(field, problem);
}

function kindsWith(field: string): string {
  return DESTINATION_KINDS.filter(({ fields }) => field in fields)
    .map(({ key }) => key)
    .join(" and ");
}

/** Fields that hold what is called, for rules about addresses. */
export function targetsOf(
  entry: Readonly<Record<string, unknown>>,
): readonly (readonly [field: string, text: string])[] {
  return DESTINATION_KINDS.flatMap(({ fields }) => Object.entries(fields)).flatMap(
    ([name, field]) => {
      const text = entry[name];
      return field.type === "target" && typeof text === "string" ? [[name, text] as const] : [];
    },
  );
}

export function readDestination(
  name: string,
  entry: z.output<typeof destinationSchema> & Readonly<Record<string, unknown>>,
): Destination {
  const kind = DESTINATION_KINDS.find(({ key }) => entry[key] !== undefined);
  if (kind === undefined)
    throw new RelayError("internal", `destination ${name} passed the checks without a kind`);
  const { description, then, max_per_hour: maxPerHour = kind.defaultMaxPerHour } = entry;
  return kind.read({ name, description, then, maxPerHour }, valuesOf(kind, entry));
}
