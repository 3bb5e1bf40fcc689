/** What each command prints with `--json`, as JSON Schema. `output.schema.json` is made from it. */
import {
  BOOLEAN,
  listOf,
  NUMBER,
  nullable,
  object,
  oneOf,
  type Schema,
  STRING,
} from "../http/openapi/route-doc.js";
import { SCHEMAS } from "../http/openapi/schemas.js";

const COUNT: Schema = { type: "integer", minimum: 0 };
const TEXT: Schema = { type: "string", minLength: 1 };
const E164: Schema = { type: "string", pattern: "^\\+[1-9][0-9]{6,14}$" };

function part(name: "CallRecord" | "Check" | "Fault" | "Webhooks"): Schema {
  return { $ref: `#/$defs/${name}` };
}

const CHECK = object({
  severity: oneOf("ok", "warn", "fail"),
  subject: TEXT,
  text: TEXT,
  fix: nullable(TEXT),
});

/** Of doctor and of commands like it. */
const CHECKS = object({
  ok: BOOLEAN,
  failed: COUNT,
  warned: COUNT,
  checks: listOf(part("Check")),
});

const FAULT = object({ path: STRING, line: COUNT, column: COUNT, problem: TEXT });

const WEBHOOKS = object({
  voiceUrl: STRING,
  voiceMethod: STRING,
  voiceFallbackUrl: STRING,
  voiceFallbackMethod: STRING,
  statusCallback: STRING,
  statusCallbackMethod: STRING,
});

const CONVERSATION = object({
  name: TEXT,
  line: COUNT,
  ok: BOOLEAN,
  ms: NUMBER,
  failures: listOf(
    object({
      line: COUNT,
      turn: COUNT,
      caller: nullable(STRING),
      differences: listOf(object({ expected: STRING, actual: STRING })),
    }),
  ),
  transcript: listOf(STRING),
});

const REPLAYED_PART = object({
  callSid: TEXT,
  agent: TEXT,
  recordedBy: STRING,
  lengthMs: NUMBER,
  leftOutLines: COUNT,
  counts: object({ phoneIn: COUNT, phoneOut: COUNT, modelIn: COUNT, modelOut: COUNT }),
  differences: listOf(STRING),
  offMs: NUMBER,
});

/** By the command; of `calls tail` it is one line of its output. */
export const OUTPUTS: Readonly<Record<string, Schema>> = {
  init: object({ folder: STRING, written: listOf(STRING), kept: listOf(STRING) }),
  test: object({
    ok: BOOLEAN,
    files: listOf(object({ file: TEXT, results: listOf(CONVERSATION) })),
  }),
  replay: object({ same: BOOLEAN, cutOff: BOOLEAN, parts: listOf(REPLAYED_PART) }),
  doctor: CHECKS,
  "config check": object({
    file: TEXT,
    ok: BOOLEAN,
    agents: listOf(TEXT),
    faults: listOf(part("Fault")),
    warnings: listOf(part("Fault")),
  }),
  "config print": object({
    settings: listOf(object({ name: TEXT, value: nullable(STRING), isDefault: BOOLEAN })),
    faults: listOf(object({ name: TEXT, problem: TEXT, fix: TEXT })),
    notices: listOf(TEXT),
  }),
  call: object({ callSid: TEXT }),
  "calls list": object({ calls: listOf(part("CallRecord")) }),
  "calls show": part("CallRecord"),
  "calls tail": {
    ...object({ callSid: TEXT, at: STRING, type: TEXT }),
    additionalProperties: true,
  },
  "calls transfer": object({ callSid: TEXT, destination: TEXT }),
  "calls end": object({ callSid: TEXT }),
  "number set": object({
    number: E164,
    changed: BOOLEAN,
    before: part("Webhooks"),
    after: part("Webhooks"),
  }),
  "trunk check": CHECKS,
  "operator add": object({
    name: TEXT,
    role: oneOf("viewer", "supervisor", "admin"),
    file: TEXT,
    token: TEXT,
  }),
  drain: object({ draining: BOOLEAN, delaySeconds: COUNT, calls: nullable(COUNT) }),
  capacity: object({
    calls: COUNT,
    minutesPerCall: NUMBER,
    responsesPerMinute: NUMBER,
    callsPerCore: NUMBER,
    model: TEXT,
    callsPerWorker: COUNT,
    workers: COUNT,
    cores: COUNT,
    memoryMb: NUMBER,
    sockets: COUNT,
    relayMbit: NUMBER,
    balancerMbit: NUMBER,
    callStartsPerSecond: NUMBER,
    databaseRowsPerSecond: NUMBER,
    recordsGbPerDay: NUMBER,
    modelTokensPerMinute: NUMBER,
    modelResponsesPerMinute: NUMBER,
    modelUsdPerHour: nullable(NUMBER),
    transcriptionUsdPerHour: nullable(NUMBER),
  }),
};

/** What any command prints instead when it failed before it had a result. */
const FAILURE = object({ error: TEXT });

/** "calls list" → "calls-list": the name in `$defs`. */
export function outputName(command: string): string {
  return command.replaceAll(" ", "-");
}

/** JSON Schema, draft 2020-12. */
export function outputJsonSchema(): Schema {
  const commands = Object.entries(OUTPUTS).map(([command, schema]) => [
    outputName(command),
    { description: `murelay ${command} --json`, ...schema },
  ]);
  const names = [...commands.map(([name]) => name), "failure"];
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "What the commands of murelay print with --json",
    anyOf: names.map((name) => ({ $ref: `#/$defs/${String(name)}` })),
    $defs: {
      ...Object.fromEntries(commands),
      failure: { description: "Any command that failed before it had a result", ...FAILURE },
      Check: CHECK,
      Fault: FAULT,
      Webhooks: WEBHOOKS,
      ...JSON.parse(JSON.stringify(SCHEMAS).replaceAll("#/components/schemas/", "#/$defs/")),
    },
  };
}
