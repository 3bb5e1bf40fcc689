/** Access to data whose shape has not been checked. */

export type Raw = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function record(value: unknown): Raw {
  return isRecord(value) ? value : {};
}

export function listOf(value: unknown): readonly unknown[] | null {
  return Array.isArray(value) ? value : null;
}

export function textsOf(value: unknown): readonly string[] | null {
  return listOf(value)?.filter((item) => typeof item === "string") ?? null;
}

export function property(node: unknown, key: string | number): unknown {
  return typeof node === "object" && node !== null ? Reflect.get(node, key) : undefined;
}
