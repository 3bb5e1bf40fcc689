/**
 * A small strict checker: every field of a client event must be known and of the right kind. The
 * first fault is reported as the API does: code, message and the path of the parameter.
 */
export interface Fault {
  readonly code:
    | "unknown_parameter"
    | "missing_required_parameter"
    | "invalid_type"
    | "invalid_value";
  readonly message: string;
  readonly param: string;
}

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

export type Check = (value: Json, path: string) => Fault | null;

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typeFault(path: string, wanted: string, value: Json): Fault {
  const got = value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
  return {
    code: "invalid_type",
    message: `Invalid type for '${path}': expected ${wanted}, but got ${got} instead.`,
    param: path,
  };
}

export function valueFault(path: string, message: string): Fault {
  return { code: "invalid_value", message: `Invalid value for '${path}': ${message}`, param: path };
}

export interface Fields {
  readonly required?: Readonly<Record<string, Check>>;
  readonly optional?: Readonly<Record<string, Check>>;
}

/** An object with just these fields. */
export function object(fields: Fields): Check {
  const known = new Map<string, Check>([
    ...Object.entries(fields.required ?? {}),
    ...Object.entries(fields.optional ?? {}),
  ]);
  const required = Object.keys(fields.required ?? {});
  return (value, path) => {
    if (!isObject(value)) return typeFault(path, "an object", value);
    const prefix = path === "" ? "" : `${path}.`;
    for (const [key, field] of Object.entries(value)) {
      const check = known.get(key);
      if (check === undefined)
        return {
          code: "unknown_parameter",
          message: `Unknown parameter: '${prefix}${key}'.`,
          param: `${prefix}${key}`,
        };
      const fault = check(field ?? null, `${prefix}${key}`);
      if (fault !== null) return fault;
    }
    for (const key of required)
      if (value[key] === undefined)
        return {
          code: "missing_required_parameter",
          message: `Missing required parameter: '${prefix}${key}'.`,
          param: `${prefix}${key}`,
        };
    return null;
  };
}

/** Objects of several shapes, told apart by one field. */
export function variants(tag: string, shapes: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    if (!isObject(value)) return typeFault(path, "an object", value);
    const name = value[tag];
    if (name === undefined)
      return {
        code: "missing_required_parameter",
        message: `Missing required parameter: '${path}.${tag}'.`,
        param: `${path}.${tag}`,
      };
    const shape = typeof name === "string" ? shapes[name] : undefined;
    if (shape === undefined)
      return valueFault(
        `${path}.${tag}`,
        `supported values are ${Object.keys(shapes)
          .map((n) => `'${n}'`)
          .join(", ")}.`,
      );
    return shape(value, path);
  };
}

export const anything: Check = () => null;
export const boolean: Check = (value, path) =>
  typeof value === "boolean" ? null : typeFault(path, "a boolean", value);
export const nullable =
  (check: Check): Check =>
  (value, path) =>
    value === null ? null : check(value, path);
export const text =
  (maxLength = Number.POSITIVE_INFINITY, minLength = 0): Check =>
  (value, path) => {
    if (typeof value !== "string") return typeFault(path, "a string", value);
    if (value.length > maxLength || value.length < minLength)
      return valueFault(path, `a length of ${minLength} to ${maxLength} characters is allowed.`);
    return null;
  };
export const oneOf =
  (...allowed: readonly Json[]): Check =>
  (value, path) =>
    allowed.includes(value)
      ? null
      : valueFault(
          path,
          `supported values are ${allowed.map((v) => `'${String(v)}'`).join(", ")}.`,
        );
export const number =
  (min: number, max: number): Check =>
  (value, path) => {
    if (typeof value !== "number") return typeFault(path, "a number", value);
    return value >= min && value <= max ? null : valueFault(path, `must be from ${min} to ${max}.`);
  };
export const integer =
  (min: number, max = Number.MAX_SAFE_INTEGER): Check =>
  (value, path) => {
    if (typeof value !== "number" || !Number.isInteger(value))
      return typeFault(path, "an integer", value);
    return value >= min && value <= max ? null : valueFault(path, `must be from ${min} to ${max}.`);
  };
export const listOf =
  (check: Check, maxLength = Number.POSITIVE_INFINITY): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return typeFault(path, "an array", value);
    if (value.length > maxLength) return valueFault(path, `at most ${maxLength} elements.`);
    for (const [i, element] of value.entries()) {
      const fault = check(element, `${path}[${i}]`);
      if (fault !== null) return fault;
    }
    return null;
  };
export const exactly =
  (wanted: Json, message: string): Check =>
  (value, path) =>
    JSON.stringify(value) === JSON.stringify(wanted) ? null : valueFault(path, message);
/** The first check that accepts; the fault of the last otherwise. */
export const either =
  (...checks: readonly Check[]): Check =>
  (value, path) => {
    let fault: Fault | null = null;
    for (const check of checks) {
      fault = check(value, path);
      if (fault === null) return null;
    }
    return fault;
  };
/** A JSON object of anything. */
export const record: Check = (value, path) =>
  isObject(value) ? null : typeFault(path, "an object", value);
/** Base64 in the canonical alphabet, whole groups. */
export const base64: Check = (value, path) => {
  if (typeof value !== "string") return typeFault(path, "a string", value);
  return decodedBytes(value) === null ? valueFault(path, "not base64-encoded audio.") : null;
};

/** @returns how many bytes it stands for, or null when it is not base64. */
export function decodedBytes(encoded: string): number | null {
  if (encoded.length % 4 !== 0 || encoded.includes("-") || encoded.includes("_")) return null;
  const padding = encoded.endsWith("==") ? 2 : encoded.endsWith("=") ? 1 : 0;
  const bytes = (encoded.length / 4) * 3 - padding;
  return Buffer.from(encoded, "base64").length === bytes ? bytes : null;
}
