/**
 * Checks Realtime events against the type definitions that OpenAI publishes. `openai-realtime.json`
 * is made from the `openai` package by `scripts/generate-openai-schema.mjs`.
 *
 * The types differ from the service in a few places, which live captures and OpenAI's guides show;
 * each difference is named here, with its reason.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import file from "./openai-realtime.json" with { type: "json" };

type Json = Record<string, unknown>;
type Definitions = Record<string, Json>;

/** Of one event so many faults are told. */
const MAX_FAULTS = 10;

/** The version of the `openai` package that the schemas were made from. */
export const SCHEMA_VERSION: string = file.openai;

const DEFINITIONS = file.definitions as unknown as Definitions;
const NULL = { type: "null" };

/**
 * Client events are checked strictly: the server refuses a field that it does not know. The types
 * lack the nulls that switch a part of the session off.
 */
const CLIENT = { $id: "client", definitions: structuredClone(DEFINITIONS) };
for (const name of ["transcription", "noise_reduction"]) {
  const input = propertiesOf(CLIENT.definitions, "RealtimeAudioConfigInput");
  input[name] = { anyOf: [input[name], NULL] };
}

/**
 * Server events are checked for what the relay may rely on. The service adds fields to them
 * (`obfuscation`, `phase`), and writes null where the types leave a field out (`status_details`).
 */
const SERVER = { $id: "server", definitions: loosened(DEFINITIONS) };

/** Both sets of definitions; a check is compiled when it is first used. */
const ajv = new Ajv({ strict: false, allErrors: true, schemas: [CLIENT, SERVER] });
const clientNames = namesByType(DEFINITIONS, "RealtimeClientEvent");
const serverNames = namesByType(DEFINITIONS, "RealtimeServerEvent");

/** The types of all events that a client can send. */
export const CLIENT_EVENT_TYPES: readonly string[] = [...clientNames.keys()];
/** The types of all events that the server can send. */
export const SERVER_EVENT_TYPES: readonly string[] = [...serverNames.keys()];

/** What is wrong with an event that a client sends; empty: nothing. */
export function clientEventFaults(event: unknown): readonly string[] {
  return faultsOf("client", clientNames, event);
}

/** What is wrong with an event that the server sends; empty: nothing. */
export function serverEventFaults(event: unknown): readonly string[] {
  return faultsOf("server", serverNames, event);
}

/** What is wrong with the session that accepts a SIP call; empty: nothing. */
export function acceptFaults(session: unknown): readonly string[] {
  const check = checkOf("client", "RealtimeSessionCreateRequest");
  return check(session) ? [] : told(check.errors);
}

type Side = "client" | "server";

function faultsOf(
  side: Side,
  names: ReadonlyMap<string, readonly string[]>,
  event: unknown,
): readonly string[] {
  const type = typeof event === "object" && event !== null ? Reflect.get(event, "type") : undefined;
  const candidates = typeof type === "string" ? names.get(type) : undefined;
  if (candidates === undefined) return [`unknown event type: ${JSON.stringify(type)}`];
  const found = candidates.map((name) => {
    const check = checkOf(side, name);
    return check(event) ? [] : told(check.errors);
  });
  return found.find((faults) => faults.length === 0) ?? found[0]!;
}

function checkOf(side: Side, name: string): ValidateFunction {
  const check = ajv.getSchema(`${side}#/definitions/${name}`);
  if (check === undefined) throw new Error(`no schema of ${name}`);
  return check;
}

function told(errors: readonly ErrorObject[] | null | undefined): string[] {
  return (errors ?? []).slice(0, MAX_FAULTS).map(({ instancePath, message, params }) => {
    const extra = params["additionalProperty"] ?? params["missingProperty"] ?? "";
    return `${instancePath || "/"} ${message} ${String(extra)}`.trim();
  });
}

// --- making the checks ----------------------------------------------------------------------------

/** The definitions of a union's events by their type; the types name one event twice. */
function namesByType(
  definitions: Definitions,
  union: string,
): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, readonly string[]>();
  for (const { $ref } of definitions[union]!["anyOf"] as { $ref: string }[]) {
    const name = decodeURIComponent($ref.replace("#/definitions/", ""));
    const type = propertiesOf(definitions, name)["type"] as { const: string };
    names.set(type.const, [...(names.get(type.const) ?? []), name]);
  }
  return names;
}

function propertiesOf(definitions: Definitions, name: string): Json {
  return definitions[name]!["properties"] as Json;
}

/** Allows unknown fields, and null for every field that may be absent. */
function loosened<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(loosened) as T;
  if (typeof schema !== "object" || schema === null) return schema;
  const copy: Json = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "additionalProperties" && value === false) continue;
    copy[key] = key === "properties" ? nullable(value as Json, schema as Json) : loosened(value);
  }
  return copy as T;
}

function nullable(properties: Json, owner: Json): Json {
  const required = new Set((owner["required"] as string[] | undefined) ?? []);
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => {
      const schema = loosened(value);
      return [name, required.has(name) ? schema : { anyOf: [schema, NULL] }];
    }),
  );
}
