import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  type AgentsFault,
  type AgentsFileContext,
  AgentsFileError,
  loadAgentsFile,
  readAgentsText,
} from "../../../src/config/agents/agents-file.js";
import { agentsJsonSchema } from "../../../src/config/agents/schema.js";
import type { AgentsFile } from "../../../src/domain/agent-profile.js";

const CONTEXT: AgentsFileContext = {
  env: { CRM_TOKEN: "t0p" },
  defaults: { model: "gpt-realtime-2.1", humanAgentNumber: null, maxCallMinutes: 55 },
};
const load = (text: string, context = CONTEXT): AgentsFile =>
  loadAgentsFile(text, "/etc/murelay/agents.yaml", context);

function faultsOf(text: string): readonly AgentsFault[] {
  try {
    load(text);
  } catch (error) {
    if (error instanceof AgentsFileError) return error.faults;
    throw error;
  }
  return [];
}

const FULL = `
defaults: {model: gpt-realtime, voice: marin}
agents:
  support:
    instructions: |
      You are the phone agent of Acme Store.
    greeting: Thank you for calling Acme. How can I help?
    say: null
    voice: marin
    languages: {en: {}, es: {voice: cedar, instructions: Habla español.}}
    turn_detection: {type: server_vad, threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500,
                     idle_timeout_ms: null, create_response: true, interrupt_response: true}
    vad: {local_barge_in: true, confirm_ms: 400, adapt: true}
    transcription: {model: gpt-live-transcribe}
    recording: {enabled: true, channels: dual, transcribe: {model: whisper-1, words: true}}
    tools: [lookup_order, book_appointment, transfer_call, end_call, set_language, refund, docs]
    transfer:
      default: front_desk
      destinations:
        front_desk: {dial: "+15551112222", description: general questions, timeout_s: 25, then: queue}
        billing:    {dial: "sip:billing@pbx.example.com", description: invoices}
        queue:      {enqueue: support, description: hold queue}
        experts:    {workflow: WW0123456789abcdef0123456789abcdef, priority: {low: 2}, description: complex issues}
        warm_desk:  {warm: "client:anna", description: stays with the caller}
    limits: {max_call_minutes: 20, idle_hangup_s: 60, max_tool_calls: 40, max_cost_usd: 5}
  night: {instructions: We are closed., turn_detection: {type: semantic_vad}, transcription: null, voice: cedar}
numbers: {"+15550001111": support, "*": night}
tools:
  lookup_order:
    description: Look up a customer order by order number or email
    parameters: {type: object, properties: {query: {type: string}}, required: [query], additionalProperties: false}
    http: {method: GET, url: "https://crm.example.com/orders/{query}", timeout_ms: 3000,
           headers: {authorization: "Bearer \${CRM_TOKEN}"}}
    say_while_waiting: Let me look that up.
  refund: {module: ./tools/refund.ts, timeout_ms: 9000}
  docs: {mcp: {server_label: docs, server_url: "https://docs.example.com/mcp", headers: {x: "\${CRM_TOKEN}"}}}
crm:
  caller_lookup: {url: "https://crm.example.com/callers/{from}", timeout_ms: 800}
  escalation: {url: "https://crm.example.com/interactions", timeout_ms: 3000}
sip_hosts: [PBX.example.com]
redact: {card_numbers: true, patterns: ["\\\\bPIN \\\\d{4}\\\\b"]}
retention: {records_days: 90}
pricing: prices.json
`;

const NO_LIMITS = {
  maxCallsPerCaller: null,
  maxWithheldCalls: null,
  maxCallsPerLine: null,
  maxUsdPerDay: null,
};

describe("loadAgentsFile", () => {
  it("reads everything that may be written", () => {
    const file = load(FULL);
    const support = file.agents.get("support");
    expect(support).toMatchObject({
      name: "support",
      model: "gpt-realtime",
      voice: "marin",
      instructions: "You are the phone agent of Acme Store.\n",
      language: "en",
      turnDetection: {
        type: "server_vad",
        threshold: 0.5,
        prefixPaddingMs: 300,
        silenceDurationMs: 500,
      },
      vad: { localBargeIn: true, confirmMs: 400, adapt: true, greetingProtectionMs: 0 },
      transcription: { model: "gpt-live-transcribe", language: null },
      recording: {
        enabled: true,
        channels: "dual",
        transcribe: { model: "whisper-1", words: true },
      },
      limits: {
        maxCallMinutes: 20,
        idleHangupS: 60,
        maxToolCalls: 40,
        maxCostUsd: 5,
        ...NO_LIMITS,
      },
    });
    expect(support?.languages.get("es")).toEqual({
      voice: "cedar",
      instructions: "Habla español.",
    });
    expect(support?.transfer).toMatchObject({
      key: "0",
      default: "front_desk",
      callerId: null,
      maxPerCall: 3,
    });
    expect([...(support?.transfer.destinations.values() ?? [])]).toEqual([
      {
        kind: "dial",
        name: "front_desk",
        description: "general questions",
        then: "queue",
        target: { type: "number", e164: "+15551112222" },
        timeoutS: 25,
        maxPerHour: 1000,
      },
      {
        kind: "dial",
        name: "billing",
        description: "invoices",
        then: null,
        target: { type: "sip", uri: "sip:billing@pbx.example.com" },
        timeoutS: 20,
        maxPerHour: 1000,
      },
      {
        kind: "enqueue",
        name: "queue",
        description: "hold queue",
        then: null,
        queue: "support",
        maxPerHour: null,
      },
      {
        kind: "workflow",
        name: "experts",
        description: "complex issues",
        then: null,
        workflowSid: "WW0123456789abcdef0123456789abcdef",
        priority: { low: 2, medium: 5, high: 10 },
        maxPerHour: null,
      },
      {
        kind: "warm",
        name: "warm_desk",
        description: "stays with the caller",
        then: null,
        target: { type: "client", identity: "anna" },
        timeoutS: 20,
        maxPerHour: 1000,
      },
    ]);
    expect(support?.tools.map(({ name, source }) => [name, source.kind])).toEqual([
      ["lookup_order", "http"],
      ["book_appointment", "builtin"],
      ["transfer_call", "builtin"],
      ["end_call", "builtin"],
      ["set_language", "builtin"],
      ["refund", "module"],
      ["docs", "mcp"],
    ]);
    expect(support?.tools[0]).toMatchObject({
      timeoutMs: 3000,
      sayWhileWaiting: "Let me look that up.",
      source: {
        http: { method: "GET", headers: { authorization: "Bearer t0p" }, maxResponseBytes: 65_536 },
      },
    });
    expect(support?.tools[5]).toMatchObject({
      timeoutMs: 9000,
      source: { path: "/etc/murelay/tools/refund.ts" },
    });
    expect(support?.tools[6]).toMatchObject({
      source: { server: { server_label: "docs", headers: { x: "t0p" } } },
    });
    expect(file.agents.get("night")).toMatchObject({
      model: "gpt-realtime",
      voice: "cedar",
      transcription: null,
      turnDetection: {
        type: "semantic_vad",
        eagerness: "auto",
        createResponse: true,
        interruptResponse: true,
      },
      limits: {
        maxCallMinutes: 55,
        idleHangupS: 60,
        maxToolCalls: 40,
        maxCostUsd: null,
        ...NO_LIMITS,
      },
    });
    expect([...file.numbers]).toEqual([["+15550001111", "support"]]);
    expect(file.defaultAgent).toBe("night");
    expect(file.crm).toMatchObject({
      callerLookup: { method: "GET", timeoutMs: 800 },
      escalation: { method: "POST" },
      callCompleted: null,
    });
    expect(file.redact).toEqual({ cardNumbers: true, patterns: ["\\bPIN \\d{4}\\b"] });
    expect(file.retention).toEqual({ recordsDays: 90, recordingsDays: null, auditDays: null });
    expect(file.pricingFile).toBe("/etc/murelay/prices.json");
  });

  it("needs little", () => {
    const file = load("agents: {a: {instructions: Be kind.}}");
    expect(file.agents.get("a")).toMatchObject({
      model: "gpt-realtime-2.1",
      voice: "marin",
      greeting: null,
      say: null,
      language: "en-US",
      noiseReduction: null,
      transcription: { model: "gpt-live-transcribe", language: null },
      recording: { enabled: false },
      record: false,
      tools: [],
      transfer: { key: "0", default: null },
    });
    expect(file.defaultAgent).toBe("a");
  });

  it("reads JSON as well, with a $schema for editors", () => {
    const file = load(
      '{"$schema": "./agents.schema.json", "agents": {"a": {"instructions": "x"}}}',
    );
    expect([...file.agents.keys()]).toEqual(["a"]);
  });

  it("shares settings by YAML anchors", () => {
    const file = load(
      "defaults: {instructions: x}\nagents:\n  a: &base {voice: cedar, greeting: Hi}\n  b: {<<: *base, greeting: Ho}\nnumbers: {}",
    );
    expect(file.agents.get("b")).toMatchObject({
      voice: "cedar",
      greeting: "Ho",
      instructions: "x",
    });
    expect(file.defaultAgent).toBeNull();
  });

  it("hands over to HUMAN_AGENT_NUMBER where the file names no destination", () => {
    const context = {
      ...CONTEXT,
      defaults: { ...CONTEXT.defaults, humanAgentNumber: "+15551112222" },
    };
    const transfer = load("agents: {a: {instructions: x}}", context).agents.get("a")?.transfer;
    expect(transfer?.default).toBe("human");
    expect(transfer?.destinations.get("human")).toMatchObject({
      kind: "dial",
      target: { type: "number", e164: "+15551112222" },
    });
    const own = load(
      "agents: {a: {instructions: x, transfer: {destinations: {q: {enqueue: q}}}}}",
      context,
    );
    expect([...(own.agents.get("a")?.transfer.destinations.keys() ?? [])]).toEqual(["q"]);
  });

  it("takes the first destination for the default, unless told null", () => {
    const of = (extra: string) =>
      load(
        `agents: {a: {instructions: x, transfer: {${extra} destinations: {q: {enqueue: q}, r: {enqueue: r}}}}}`,
      ).agents.get("a")?.transfer.default;
    expect([of(""), of("default: r,"), of("default: null,")]).toEqual(["q", "r", null]);
  });

  it("never lets an agent exceed MAX_CALL_MINUTES", () => {
    const file = load("agents: {a: {instructions: x, limits: {max_call_minutes: 100}}}");
    expect(file.agents.get("a")?.limits.maxCallMinutes).toBe(55);
  });

  it("keeps what a session is told and sent, with a default for all of it", () => {
    const told = (extra: string) => {
      const agent = load(`agents: {a: {instructions: x, ${extra}}}`).agents.get("a");
      const { timeZone, tellCallerNumber, modelSettings, replyTimeoutMs } = agent!;
      return { timeZone, tellCallerNumber, modelSettings, replyTimeoutMs };
    };
    expect(told("")).toEqual({
      timeZone: "UTC",
      tellCallerNumber: true,
      modelSettings: {},
      replyTimeoutMs: 4000,
    });
    expect(
      told(
        "time_zone: America/New_York, tell_caller_number: false, reply_timeout_ms: 2500, " +
          "session: {reasoning: {effort: low}, speed: 1.1, max_output_tokens: 4096, " +
          "parallel_tool_calls: true, truncation: auto}",
      ),
    ).toEqual({
      timeZone: "America/New_York",
      tellCallerNumber: false,
      modelSettings: {
        reasoningEffort: "low",
        speed: 1.1,
        maxOutputTokens: 4096,
        parallelToolCalls: true,
        truncation: "auto",
      },
      replyTimeoutMs: 2500,
    });
    expect(
      told(
        "time_zone: null, session: {max_output_tokens: inf, truncation: {type: retention_ratio, " +
          "retention_ratio: 0.8, token_limits: {post_instructions: 8000}}}",
      ),
    ).toMatchObject({
      timeZone: null,
      modelSettings: {
        maxOutputTokens: "inf",
        truncation: {
          type: "retention_ratio",
          retentionRatio: 0.8,
          postInstructionsTokens: 8000,
        },
      },
    });
  });

  it.each([
    ["time_zone: America/NewYork", "is no IANA time zone such as America/New_York (did you mean"],
    ["time_zone: +05:00", "is no IANA time zone"],
    ["time_zone: ''", "is no IANA time zone"],
    ["reply_timeout_ms: 999", "is below 1000"],
    ["reply_timeout_ms: 8001", "is above 8000"],
    ["tell_caller_number: maybe", "must be true or false"],
    ["session: {speed: 2}", "is above 1.5"],
    ["session: {reasoning: {effort: huge}}", 'must be "minimal" or "low"'],
    ["session: {max_output_tokens: 5000}", "is above 4096"],
    ["session: {max_output_tokens: all}", "is neither a whole number from 1 to 4096"],
    ["session: {truncation: never}", "is neither auto nor disabled"],
    ["session: {sped: 1}", "is unknown (did you mean speed?)"],
    ["language: en-US-US-US", "is not a language tag"],
  ])("refuses %s", (text, problem) => {
    expect(faultsOf(`agents: {a: {instructions: x, ${text}}}`)[0]?.problem).toContain(problem);
  });

  it("refuses several agents without numbers, since none of them would answer", () => {
    const two = "agents: {a: {instructions: x}, b: {instructions: x}}";
    expect(faultsOf(two)).toMatchObject([
      { path: "numbers", problem: expect.stringContaining('numbers: {"*": a}') },
    ]);
    expect(faultsOf(`${two}\nnumbers: {"*": b}`)).toEqual([]);
    expect(faultsOf(`${two}\nnumbers: {}`)).toEqual([]);
  });

  it("names an unknown placeholder with the line it is on, also inside a block of text", () => {
    const text = `agents:
  a:
    instructions: |
      You are kind.
      Today is {{dat}}.
    greeting: "Hi {{ caller.name }}"
    say: It is {{time}}.
    languages: {es: {instructions: "Hoy es {{fecha}}"}}
`;
    const seen = faultsOf(text).map(
      ({ path, line, column, problem }) => `${line}:${column} ${path} ${problem}`,
    );
    expect(seen).toEqual([
      "5:18 agents.a.instructions contains {{dat}}, which is not a placeholder (did you mean date?): " +
        "known are date, time, weekday, caller_number, caller.FIELD",
      "6:22 agents.a.greeting contains {{caller.name}}, which needs crm.caller_lookup",
      "8:46 agents.a.languages.es.instructions contains {{fecha}}, which is not a placeholder: " +
        "known are date, time, weekday, caller_number, caller.FIELD",
    ]);
    const withLookup = `${text.replaceAll("{{dat}}", "").replaceAll("{{fecha}}", "")}
crm: {caller_lookup: {url: "https://crm.example.com/{from}"}}`;
    expect(faultsOf(withLookup)).toEqual([]);
  });

  it("reports every fault at once, with path, line and column", () => {
    const text = `agents:
  support:
    instrutions: hi
    tools: [lookup_ordr, 7, end_call, end_call, set_language]
    vad: {confirm_ms: 3, x: 1}
    turn_detection: {type: foo}
    transfer:
      default: nope
      key: 0
      destinations:
        a: {dial: +15551112222}
        b: {dial: "+1900", then: c}
        c: {enqueue: q, then: b}
        d: {}
        e: {enqueue: q, dial: "sip:a@b?X=1"}
        f: {dial: "sip:a@evil.example", priority: {low: 1}}
        g: {enqueue: q, then: h}
numbers: {+1555: support, "*": suport}
tools:
  t: {http: {url: "http://x.com/{q}", headers: {a: "\${FOO}", "b c": d}}}
  u: {description: u, http: {url: "https://{host}.example/"}, parameters: {type: object, properties: {host: {}}}}
  v: {}
  end_call: {module: x.ts}
crm: {caller_lookup: {url: "https://crm.example.com/{callSid}/{who}"}}
redact: {patterns: ["("]}
sip_hosts: [pbx.example.com]
bogus: 1
`;
    const seen = faultsOf(text).map(
      ({ path, line, column, problem }) => `${line}:${column} ${path} ${problem}`,
    );
    expect(seen).toEqual([
      "3:5 agents.support.instrutions is unknown (did you mean instructions?)",
      "3:5 agents.support.instructions is missing",
      '4:13 agents.support.tools[0] "lookup_ordr" is not a tool (did you mean lookup_order?)',
      "4:26 agents.support.tools[1] must be text: put it in quotes",
      '4:39 agents.support.tools[3] "end_call" is listed twice',
      "4:49 agents.support.tools[4] set_language has no languages to choose from: add languages",
      "5:23 agents.support.vad.confirm_ms is below 100",
      "5:26 agents.support.vad.x is unknown",
      "6:28 agents.support.turn_detection.type must be server_vad or semantic_vad",
      '8:16 agents.support.transfer.default "nope" is not a destination',
      "9:12 agents.support.transfer.key is not text: put the key in quotes",
      "11:19 agents.support.transfer.destinations.a.dial is not text: put numbers in quotes",
      "12:19 agents.support.transfer.destinations.b.dial is not an E.164 number (+, country code, number, no spaces), sip: URI or client: name",
      "12:34 agents.support.transfer.destinations.b.then leads back to itself, so that the failover list never ends",
      "13:31 agents.support.transfer.destinations.c.then leads back to itself, so that the failover list never ends",
      "14:9 agents.support.transfer.destinations.d needs one of dial, enqueue, workflow, warm",
      "15:13 agents.support.transfer.destinations.e.enqueue is set beside dial: use only one of dial, enqueue, workflow, warm",
      "15:31 agents.support.transfer.destinations.e.dial contains SIP headers (?…), which are not allowed here",
      "16:19 agents.support.transfer.destinations.f.dial names a host that is not in sip_hosts",
      "16:41 agents.support.transfer.destinations.f.priority is only allowed with workflow",
      '17:31 agents.support.transfer.destinations.g.then "h" is not a destination',
      '18:11 numbers.1555 is not an E.164 number in quotes ("+15550001111"), a sip: or client: address, or "*"',
      '18:32 numbers["*"] points at "suport", which is not an agent (did you mean support?)',
      "20:6 tools.t.description is missing: the model chooses a tool by its description",
      "20:19 tools.t.http.url contains {q}, which is none of: (no parameters)",
      "20:19 tools.t.http.url is not https:// (http:// only to hosts in allow_private_hosts, or to this machine)",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what the file says
      "20:52 tools.t.http.headers.a ${FOO} needs FOO or FOO_FILE in the environment",
      '20:62 tools.t.http.headers["b c"] is not a header name',
      "21:35 tools.u.http.url contains a placeholder in its host",
      "22:3 tools.v needs one of http, module, mcp",
      "23:3 tools.end_call is built in and cannot be replaced",
      "24:28 crm.caller_lookup.url contains {who}, which is none of: from, to, callSid",
      "25:21 redact.patterns[0] is not a regular expression: Invalid regular expression: /(/giu: Unterminated group",
      "27:1 bogus is unknown",
    ]);
  });

  it.each([
    ["nothing", "", "is empty"],
    ["a list", "[1]", "must be a mapping (name: value)"],
    ["no agents", "numbers: {}", "is missing"],
    ["an empty agents", "agents: {}", "contains no agent"],
    ["an agent that is text", "agents: {a: hi}", "must be a mapping (name: value)"],
    ["a name twice", "agents: {}\nagents: {}", "the key agents is here twice: remove one"],
    ["a bomb of aliases", bomb(), "Excessive alias count indicates a resource exhaustion attack"],
    ["an open bracket", "agents: [", "Flow sequence"],
    [
      "a pattern that could be tried for ever",
      'agents: {a: {instructions: x}}\nredact: {patterns: ["(\\\\w+ ?)+$"]}',
      "takes too long on a text such as",
    ],
  ])("refuses %s", (_name, text, problem) => {
    expect(faultsOf(text).map((fault) => fault.problem)).toContainEqual(
      expect.stringContaining(problem),
    );
  });

  it("says file, line and column in its message, and no secret", () => {
    expect(() => load('agents: {a: {instructions: x, voice: ""}}')).toThrow(
      "/etc/murelay/agents.yaml:1:38 agents.a.voice is",
    );
    const secret = faultsOf(FULL.replace("GET", "FETCH"));
    expect(JSON.stringify(secret)).not.toContain("t0p");
  });

  it("never throws anything but an AgentsFileError", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (json) => {
        faultsOf(json);
        faultsOf(
          `{"agents": {"a": ${json}}, "tools": {"t": ${json}}, "crm": ${json}, "numbers": ${json}}`,
        );
      }),
      { numRuns: 300 },
    );
  });

  it("finds the line of a fault anywhere in a real file", () => {
    const lines = readFileSync("agents.yaml", "utf8").split("\n");
    const at = lines.findIndex((line) => line.startsWith("    voice:"));
    lines[at] = "    voise: marin";
    expect(faultsOf(lines.join("\n"))).toMatchObject([
      { path: "agents.support.voise", line: at + 1, column: 5 },
    ]);
  });
});

describe("agents.schema.json", () => {
  const validate = new Ajv({ strict: false }).compile(agentsJsonSchema());

  it("accepts the shipped file and the full example", () => {
    expect([validate(parse(readFileSync("agents.yaml", "utf8"))), validate.errors]).toEqual([
      true,
      null,
    ]);
    expect([validate(parse(FULL)), validate.errors]).toEqual([true, null]);
  });

  it("refuses an unknown key and a value of the wrong type", () => {
    expect(validate({ agents: { a: { instructions: "x", voise: "y" } } })).toBe(false);
    expect(validate({ agents: { a: { instructions: 7 } } })).toBe(false);
  });

  it("accepts whatever the loader accepts", () => {
    const agent = fc.record(
      {
        instructions: fc.string({ minLength: 1 }),
        voice: fc.constantFrom("marin", "cedar", ""),
        vad: fc.record({ confirm_ms: fc.integer({ min: 0, max: 6000 }) }, { requiredKeys: [] }),
        limits: fc.record(
          { max_call_minutes: fc.integer({ min: -5, max: 300 }) },
          { requiredKeys: [] },
        ),
        tools: fc.array(fc.constantFrom("end_call", "lookup_order", "nope")),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom("a", "b"), agent), (agents) => {
        if (faultsOf(JSON.stringify({ agents })).length === 0)
          expect(validate({ agents })).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

/** Ten levels of ten aliases each. */
function bomb(): string {
  const lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 10; i++)
    lines.push(
      `l${i}: &l${i} [${Array(10)
        .fill(`*l${i - 1}`)
        .join(", ")}]`,
    );
  return lines.join("\n");
}

describe("readAgentsText", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "murelay-agents-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each<[string, Buffer, RegExp | string]>([
    ["UTF-8", Buffer.from("say: caf\u00e9"), "say: caf\u00e9"],
    ["UTF-8 with a byte order mark", Buffer.from("\ufeffa: 1"), "a: 1"],
    ["UTF-16", Buffer.from("a: 1", "utf16le"), /:1:1 is encoded in UTF-16: save it in UTF-8/],
    ["Latin-1", Buffer.from("a: 1\nb: caf\u00e9\n", "latin1"), /:2:1 .* not encoded in UTF-8/],
    ["a last line in Latin-1", Buffer.from("a\nb\n\u00e9", "latin1"), /:3:1 .*not encoded/],
    ["more than 1 MiB", Buffer.alloc(1024 * 1024 + 1, "#"), /is larger than 1 MiB/],
  ])("takes or names %s", (_, bytes, expected) => {
    const file = join(folder, "agents.yaml");
    writeFileSync(file, bytes);
    if (typeof expected === "string") expect(readAgentsText(file)).toBe(expected);
    else expect(() => readAgentsText(file)).toThrow(expected);
  });
});
