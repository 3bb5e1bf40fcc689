/** How a route of the operator listener describes itself. Types, and helpers to write them. */

/** JSON Schema, draft 2020-12, as OpenAPI 3.1 embeds it. */
export type Schema = Readonly<Record<string, unknown>>;

export interface AnswerDoc {
  readonly description: string;
  /** Default: application/json where there is a schema, else no body. */
  readonly type?: string;
  readonly schema?: Schema;
}

export interface RouteDoc {
  readonly summary: string;
  /** By name: the parameter's description, or its schema too. */
  readonly query?: Readonly<
    Record<string, { readonly description: string; readonly schema?: Schema }>
  >;
  /** The JSON body of a POST. */
  readonly body?: Schema;
  /**
   * By status. Those that follow from the kind of route (401, 403, 405, …) are added to the
   * document and need not be named.
   */
  readonly answers: Readonly<Record<number, AnswerDoc>>;
}

export const STRING: Schema = { type: "string" };
export const NUMBER: Schema = { type: "number" };
export const BOOLEAN: Schema = { type: "boolean" };

export function nullable(schema: Schema): Schema {
  return { anyOf: [schema, { type: "null" }] };
}

export function listOf(items: Schema): Schema {
  return { type: "array", items };
}

export function oneOf(...values: readonly string[]): Schema {
  return { type: "string", enum: values };
}

/** An object that has all of these properties and no others. */
export function object(properties: Readonly<Record<string, Schema>>): Schema {
  return {
    type: "object",
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

/** The same, where some properties may be missing. */
export function objectWith(
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>>,
): Schema {
  return { ...object(required), properties: { ...required, ...optional } };
}

export function mapOf(values: Schema): Schema {
  return { type: "object", additionalProperties: values };
}

/** An answer whose body is `{error, message?}`. */
export function failure(description: string): AnswerDoc {
  return { description, schema: reference("Failure") };
}

/** A schema of `components`. */
export function reference(name: "CallRecord" | "Failure" | "Review" | "Transfer"): Schema {
  return { $ref: `#/components/schemas/${name}` };
}
