/**
 * `doctor` over misconfigurations, with simulated peers: each is named with its fix. What it passes, the relay starts
 * with, and a call survives.
 */
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { speechLike } from "../../../sim/audio/synth.js";
import { noFaults } from "../../../sim/model/faults.js";
import { type SimulatedModel, startModel } from "../../../sim/model.js";
import { type SimulatedTwilio, startTwilio } from "../../../sim/twilio.js";
import { type App, createApp } from "../../../src/app/app.js";
import { doctor } from "../../../src/cli/doctor/doctor.js";
import type { CliIo } from "../../../src/cli/io.js";
import { loadAll } from "../../../src/cli/load.js";
import { problemOf } from "../../../src/cli/problem-of.js";
import { EnvFileError, parseEnvFile } from "../../../src/config/env-file.js";
import { FakeIo } from "../../fakes/fake-io.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { freePorts, startNode } from "../../fakes/relay-node.js";
import { readOutput } from "../../fakes/shipped-schemas.js";

interface Check {
  readonly severity: "ok" | "warn" | "fail";
  readonly subject: string;
  readonly text: string;
  readonly fix: string | null;
}

const AGENTS = `
agents:
  support: {instructions: Be brief., greeting: Hello., tools: [end_call]}
numbers: {"+15550001111": support}
`;

let folder = "";
let models: Server;
let model: SimulatedModel;
let twilio: SimulatedTwilio;
let app: App | null = null;
let env: Record<string, string>;
/** What is wrong with `.env`. */
let settingsFile: Pick<CliIo, "notices" | "settingsFault"> = {};
const busy: Server[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "murelay-doctor-"));
  models = createServer((request, response) => {
    const known = request.url === "/v1/models/gpt-realtime-2.1";
    const keyed = request.headers.authorization === `Bearer ${model.apiKey}`;
    response.writeHead(keyed ? (known ? 200 : 404) : 401).end("{}");
  });
  models.listen(0, "127.0.0.1");
  await once(models, "listening");
  model = await startModel({
    script: { turns: [{ say: { text: "Hello.", audio: speechLike(400, 1) } }] },
  });
});
afterAll(async () => {
  await model.close();
  models.close();
  rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  Object.assign(model.faults, noFaults());
  settingsFile = {};
  // The one between them would be a worker's own.
  const port = await freePorts(3);
  const adminPort = port + 2;
  const publicUrl = `http://127.0.0.1:${port}`;
  twilio = await startTwilio({ publicUrl, relayUrl: publicUrl, speed: 20 });
  Object.assign(twilio.numbers[0]!, webhooks(publicUrl));
  writeFileSync(join(folder, "agents.yaml"), AGENTS);
  env = {
    HOST: "127.0.0.1",
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    OPENAI_API_KEY: model.apiKey,
    OPENAI_REALTIME_URL: model.url,
    OPENAI_BASE_URL: `http://127.0.0.1:${(models.address() as AddressInfo).port}/v1`,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_API_BASE_URL: twilio.apiBaseUrl,
    AGENTS_FILE: join(folder, "agents.yaml"),
    DATABASE_URL: "sqlite::memory:",
    RECORDINGS_DIR: join(folder, "recordings"),
    HUMAN_AGENT_NUMBER: "+442079460123",
    OVERLOAD_PERCENT: "100",
  };
});
afterEach(async () => {
  await app?.stop();
  app = null;
  for (const server of busy.splice(0)) server.close();
  rmSync(join(folder, "data"), { recursive: true, force: true });
  await twilio.close();
});

function webhooks(publicUrl: string) {
  return {
    voiceUrl: `${publicUrl}/incoming-call`,
    voiceMethod: "POST",
    voiceFallbackUrl: `${publicUrl}/connect-ended`,
    voiceFallbackMethod: "POST",
    statusCallback: `${publicUrl}/call-status`,
    statusCallbackMethod: "POST",
  };
}

/** What the program reads of a settings file. */
function envFileOf(bytes: Buffer): typeof settingsFile {
  try {
    return { notices: parseEnvFile(".env", bytes).notices };
  } catch (error) {
    if (!(error instanceof EnvFileError)) throw error;
    return { settingsFault: error.fault };
  }
}

function set(settings: Record<string, string>): void {
  Object.assign(env, settings);
}

function number(fields: Record<string, string>): void {
  Object.assign(twilio.numbers[0]!, fields);
}

function agentsFile(text: string): void {
  writeFileSync(join(folder, "agents.yaml"), text);
}

/** Another program takes a port. */
async function take(port: number): Promise<void> {
  const server = createServer((_request, response) => response.end("hello"));
  busy.push(server);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
}

/** A file where the relay wants a folder. */
function inTheWay(name: string): void {
  mkdirSync(join(folder, "data"), { recursive: true });
  writeFileSync(join(folder, "data", name), "");
  env["DATABASE_URL"] = `sqlite:${join(folder, "data", "a.db")}`;
  env["RECORDINGS_DIR"] = join(folder, "data", "recordings");
}

function operators(text: string): void {
  writeFileSync(join(folder, "operators.yaml"), text);
  env["OPERATORS_FILE"] = join(folder, "operators.yaml");
}

async function examine(): Promise<{ status: number; checks: readonly Check[]; text: string }> {
  const io = Object.assign(new FakeIo(env), settingsFile);
  const status = await doctor(io, { json: true });
  const { text } = io;
  const result = readOutput("doctor", text);
  expect(result["ok"]).toBe(status === 0);
  expect(text).not.toMatch(/sk-simulated|15550001111|2079460123/);
  // The schema says that they are.
  return { status, checks: result["checks"] as readonly Check[], text };
}

/**
 * Starts the relay with the settings of this test, as `serve` does.
 *
 * @returns why it does not start; null: it runs.
 */
async function startRefused(): Promise<string | null> {
  const io = Object.assign(new FakeIo(env), settingsFile);
  if (io.settingsFault !== undefined) return io.settingsFault.problem;
  const loaded = loadAll(io);
  if (loaded === null) return io.errors.join("\n");
  const starting: App[] = [];
  try {
    starting.push(await createApp(loaded.config, loaded.agents, { log: new FakeLog() }));
    await starting[0]?.start();
    app = starting[0] ?? null;
    return null;
  } catch (error) {
    const problem = problemOf(error);
    if (problem === null) throw error;
    await starting[0]?.stop();
    return problem;
  }
}

/** Starts the relay, and places one call. */
async function callSurvives(): Promise<void> {
  expect(await startRefused()).toBeNull();
  const call = twilio.placeCall({ voiceUrl: `http://127.0.0.1:${env["PORT"]}/incoming-call` });
  await call.events.until("first_media", {}, 10_000);
  call.hangUp();
  await call.ended;
  await twilio.settled();
  // The simulated Twilio is on this machine, where the stream needs no TLS.
  expect(twilio.violations().filter((text) => !text.includes("is not wss"))).toEqual([]);
}

/** Name, what is wrong, and the check that says so. */
const MISCONFIGURATIONS: readonly (readonly [
  name: string,
  spoil: () => void | Promise<void>,
  severity: "fail" | "warn",
  subject: string,
  text: RegExp,
  fix: RegExp,
])[] = [
  [
    "a missing key",
    () => set({ OPENAI_API_KEY: "" }),
    "fail",
    "settings",
    /OPENAI_API_KEY is missing/,
    /Set it/,
  ],
  [
    "a port that is no number",
    () => set({ PORT: "eighty" }),
    "fail",
    "settings",
    /PORT is not a whole number/,
    /0–65535/,
  ],
  [
    "a public URL with a path",
    () => set({ PUBLIC_URL: "https://relay.example.com/incoming-call" }),
    "fail",
    "settings",
    /PUBLIC_URL contains a path: give only scheme and host/,
    /https:\/\//,
  ],
  [
    "unchecked signatures on a public host",
    () =>
      Object.assign(env, {
        HOST: "0.0.0.0",
        TWILIO_VALIDATE: "false",
        PUBLIC_URL: "https://x.example",
      }),
    "fail",
    "settings",
    /TWILIO_VALIDATE is false/,
    /HOST=127\.0\.0\.1/,
  ],
  [
    "half an API key",
    () => set({ TWILIO_API_KEY: "SK1" }),
    "fail",
    "settings",
    /TWILIO_API_SECRET is missing/,
    /both or neither/,
  ],
  [
    "an agents file that is not there",
    () => set({ AGENTS_FILE: join(folder, "none.yaml") }),
    "fail",
    "agents file",
    /none\.yaml:1:1 .*cannot be read/,
    /.*/,
  ],
  [
    "an unknown key in the agents file",
    () => agentsFile("agents: {a: {instructions: x, voise: marin}}"),
    "fail",
    "agents file",
    /agents\.yaml:1:31 agents\.a\.voise is unknown \(did you mean voice\?\)/,
    /.*/,
  ],
  [
    "a voice that does not exist",
    () =>
      agentsFile(
        'agents: {a: {instructions: x, greeting: Hi, voice: nova}}\nnumbers: {"+15550001111": a}',
      ),
    "warn",
    "agents file",
    /"nova" is not a known voice/,
    /.*/,
  ],
  [
    "a model without a price",
    () => agentsFile('agents: {a: {instructions: x, model: gpt-realtime-9}}\nnumbers: {"*": a}'),
    "warn",
    "agents file",
    /price list .* gpt-realtime-9/,
    /pricing/,
  ],
  [
    "a price list with faults",
    () => {
      writeFileSync(join(folder, "bad-prices.yaml"), "as_of: soon\nmodels: {}\n");
      agentsFile("agents: {a: {instructions: x}}\npricing: bad-prices.yaml");
    },
    "fail",
    "agents file",
    /bad-prices\.yaml has faults/,
    /pricing/,
  ],
  [
    "a tool that no agent lists",
    () => agentsFile("agents: {a: {instructions: x, greeting: Hi}}\ntools: {t: {module: ./t.mjs}}"),
    "warn",
    "agents file",
    /tools\.t is listed by no agent/,
    /.*/,
  ],
  [
    "a tool module that does not load",
    () => agentsFile("agents: {a: {instructions: x, tools: [t]}}\ntools: {t: {module: ./t.mjs}}"),
    "fail",
    "tools",
    /t: .*t\.mjs cannot be loaded/,
    /agents file/,
  ],
  [
    "a tool with an invalid schema",
    () =>
      agentsFile(
        "agents: {a: {instructions: x, tools: [t]}}\ntools: {t: {description: d, http: {url: 'https://127.0.0.1/'}, parameters: {type: object, properties: {q: {type: txt}}}}}",
      ),
    "fail",
    "tools",
    /not a JSON Schema/,
    /agents file/,
  ],
  [
    "a tool on a private address",
    () =>
      agentsFile(
        "agents: {a: {instructions: x, tools: [t]}}\ntools: {t: {description: d, http: {url: 'https://10.1.2.3/x'}}}",
      ),
    "fail",
    "tools",
    /10\.1\.2\.3 has a private address/,
    /allow_private_hosts: \[10\.1\.2\.3\]/,
  ],
  [
    "a CRM whose name does not resolve",
    () =>
      agentsFile(
        "agents: {a: {instructions: x}}\ncrm: {caller_lookup: {url: 'https://crm.invalid/{from}'}}",
      ),
    "fail",
    "tools",
    /crm\.caller_lookup: crm\.invalid cannot be resolved/,
    /URL/,
  ],
  [
    "an address that is not this machine's",
    () => set({ ADMIN_HOST: "192.0.2.1", ADMIN_TOKEN: "a-token-of-16-characters" }),
    "fail",
    "ports",
    /192\.0\.2\.1 is not an address of this machine/,
    /ADMIN_HOST/,
  ],
  [
    "a wrong Twilio token",
    () => set({ TWILIO_AUTH_TOKEN: "wrong" }),
    "fail",
    "Twilio",
    /twilio_unauthorized/,
    /TWILIO_AUTH_TOKEN/,
  ],
  [
    "an unreachable Twilio",
    () => set({ TWILIO_API_BASE_URL: "http://127.0.0.1:1" }),
    "fail",
    "Twilio",
    /twilio_unavailable/,
    /TWILIO_API_BASE_URL/,
  ],
  [
    "a number that points elsewhere",
    () => number({ voiceUrl: "https://other.example/voice" }),
    "warn",
    "Twilio",
    /number …1111 does not point to this relay/,
    /number set/,
  ],
  [
    "a voice webhook with GET",
    () => number({ voiceMethod: "GET" }),
    "fail",
    "Twilio",
    /method of its voice webhook is not POST/,
    /number set/,
  ],
  [
    "a fallback URL with GET",
    () => number({ voiceFallbackMethod: "GET" }),
    "fail",
    "Twilio",
    /method of its fallback URL is not POST/,
    /number set/,
  ],
  [
    "a number without a fallback URL",
    () => number({ voiceFallbackUrl: "" }),
    "warn",
    "Twilio",
    /has no fallback URL/,
    /number set/,
  ],
  [
    "a number that a trunk takes",
    () => number({ trunkSid: "TK1" }),
    "fail",
    "Twilio",
    /TK1 takes its calls/,
    /console/,
  ],
  [
    "a wrong OpenAI key",
    () => set({ OPENAI_API_KEY: "sk-wrong-key" }),
    "fail",
    "OpenAI",
    /key is refused/,
    /OPENAI_API_KEY/,
  ],
  [
    "a model that this key does not have",
    () => set({ OPENAI_REALTIME_MODEL: "gpt-realtime-none" }),
    "fail",
    "OpenAI",
    /gpt-realtime-none is not available/,
    /OPENAI_REALTIME_MODEL/,
  ],
  [
    "a model's socket that nothing listens on",
    () => set({ OPENAI_REALTIME_URL: "ws://127.0.0.1:1/v1/realtime" }),
    "fail",
    "model",
    /support: no session .*upstream_unreachable/,
    /OPENAI_REALTIME_URL/,
  ],
  [
    "a transcription model that the model refuses",
    () => {
      model.faults.refuseParts = [
        {
          path: "audio.input.transcription.model",
          when: (value) => value === "none-such",
          message: "Invalid value: 'none-such'.",
        },
      ];
      agentsFile(
        'agents: {a: {instructions: x, greeting: Hi, transcription: {model: none-such}}}\nnumbers: {"*": a}',
      );
    },
    "warn",
    "model",
    /a: the model refuses transcription \(session\.audio\.input\.transcription\.model: Invalid value: 'none-such'\.\)/,
    /agents file/,
  ],
  [
    "a session without mu-law",
    () => Object.assign(model.faults, { sessionFormat: { output: "audio/pcm" } }),
    "fail",
    "model",
    /audio\/pcm out, not audio\/pcmu/,
    /another model/,
  ],
  [
    "a database that is a folder",
    () => set({ DATABASE_URL: `sqlite:${folder}` }),
    "fail",
    "database",
    /is not a file/,
    /DATABASE_URL/,
  ],
  [
    "a database that is something else",
    () => {
      writeFileSync(join(folder, "notes.db"), "these are notes, not a database\n".repeat(100));
      env["DATABASE_URL"] = `sqlite:${join(folder, "notes.db")}`;
    },
    "fail",
    "database",
    /not a database/,
    /DATABASE_URL/,
  ],
  [
    "a PostgreSQL server that is not there",
    () => set({ DATABASE_URL: "postgres://user:sk-simulated@127.0.0.1:1/calls" }),
    "fail",
    "database",
    /ECONNREFUSED/,
    /DATABASE_URL/,
  ],
  [
    "recordings in a file",
    () => set({ RECORDINGS_DIR: join(folder, "agents.yaml", "recordings") }),
    "fail",
    "folders",
    /agents\.yaml is not a folder/,
    /RECORDINGS_DIR/,
  ],
  [
    "a public URL whose name does not resolve",
    () => set({ PUBLIC_URL: "https://relay.invalid" }),
    "fail",
    "public URL",
    /relay\.invalid cannot be resolved/,
    /DNS/,
  ],
  [
    "a settings file in UTF-16",
    () => {
      settingsFile = envFileOf(Buffer.from("\ufeffPORT=80\n", "utf16le"));
    },
    "fail",
    "settings",
    /\.env is encoded in UTF-16/,
    /UTF-8/,
  ],
  [
    "a mistyped setting in .env",
    () => {
      settingsFile = envFileOf(Buffer.from("MAX_CALS=3\n"));
    },
    "warn",
    "settings",
    /MAX_CALS is not a setting \(did you mean MAX_CALLS\?\)/,
    /correct the line/,
  ],
  [
    "an agents file that is not in UTF-8",
    () => {
      const text = "agents:\n  a: {instructions: caf\u00e9}\n";
      writeFileSync(join(folder, "agents.yaml"), Buffer.from(text, "latin1"));
    },
    "fail",
    "agents file",
    /agents\.yaml:2:1 .*not encoded in UTF-8: save the file in UTF-8/,
    /.*/,
  ],
  [
    "a tab in the agents file",
    () => agentsFile("agents:\n\ta: {instructions: x}\n"),
    "fail",
    "agents file",
    /agents\.yaml:2:1 .*Indent with spaces/,
    /.*/,
  ],
  [
    "two agents with one name",
    () => agentsFile("agents:\n  a: {instructions: x}\n  a: {instructions: y}\n"),
    "fail",
    "agents file",
    /agents\.yaml:3:3 the key a is here twice: remove one/,
    /.*/,
  ],
  [
    "two agents, and no numbers",
    () => agentsFile("agents: {a: {instructions: x}, b: {instructions: y}}"),
    "fail",
    "agents file",
    /numbers/,
    /.*/,
  ],
  [
    "an unknown placeholder",
    () => agentsFile("agents: {a: {instructions: 'It is {{tme}}.'}}"),
    "fail",
    "agents file",
    /tme/,
    /.*/,
  ],
  [
    "a tool that does not exist",
    () => agentsFile("agents: {a: {instructions: x, tools: [lookup_ordr]}}"),
    "fail",
    "agents file",
    /"lookup_ordr" is not a tool \(did you mean lookup_order\?\)/,
    /.*/,
  ],
  [
    "operators in a file that is not there",
    () => set({ OPERATORS_FILE: join(folder, "none.yaml") }),
    "fail",
    "operators",
    /OPERATORS_FILE .*none\.yaml/,
    /operator add/,
  ],
  [
    "an operator with an unknown role",
    () => operators(`operators: {ana: {role: boss, token_sha256: ${"a".repeat(64)}}}`),
    "fail",
    "operators",
    /operators\.ana\.role/,
    /operator add/,
  ],
  [
    "operators in a file without any",
    () => operators("operators:\n"),
    "fail",
    "operators",
    /has no operator, and ADMIN_TOKEN is not set/,
    /operator add/,
  ],
  [
    "an operator listener for everybody, without a token",
    () => set({ ADMIN_HOST: "0.0.0.0" }),
    "fail",
    "settings",
    /ADMIN_TOKEN is missing while ADMIN_HOST is 0\.0\.0\.0/,
    /Set it/,
  ],
  [
    "a port that another program has taken",
    () => take(Number(env["PORT"])),
    "fail",
    "ports",
    /another program listens on 127\.0\.0\.1/,
    /another PORT/,
  ],
  [
    "an operators' port that another program has taken",
    () => take(Number(env["ADMIN_PORT"])),
    "fail",
    "ports",
    /another program listens on 127\.0\.0\.1/,
    /another ADMIN_PORT/,
  ],
  [
    "a worker's own port that another program has taken",
    async () => {
      set({
        MEDIA_URL: `ws://127.0.0.1:${env["PORT"]}/media-stream?w={worker}`.replace("?w=", "/"),
      });
      await take(Number(env["PORT"]) + 1);
    },
    "fail",
    "ports",
    /which is worker 0's \(PORT\+1\)/,
    /another PORT/,
  ],
  [
    "a file where records wait for the database",
    () => inTheWay("spool"),
    "fail",
    "folders",
    /data\/spool is not a folder/,
    /in the way/,
  ],
  [
    "a file where the CRM's news wait",
    () => {
      inTheWay("crm");
      agentsFile(
        "agents: {a: {instructions: x, greeting: Hi}}\ncrm: {call_completed: {url: 'http://127.0.0.1:1/', allow_private_hosts: ['127.0.0.1']}}",
      );
    },
    "fail",
    "folders",
    /data\/crm is not a folder/,
    /in the way/,
  ],
  [
    "an agent without a human",
    () => set({ HUMAN_AGENT_NUMBER: "" }),
    "warn",
    "agents file",
    /support has no human/,
    /HUMAN_AGENT_NUMBER/,
  ],
];

/** How many of them the relay refuses to start with. */
let refusals = 0;

describe("doctor", () => {
  it.each(MISCONFIGURATIONS)(
    "names %s, with its fix",
    async (_name, spoil, severity, subject, text, fix) => {
      await spoil();
      const { status, checks } = await examine();
      const found = checks.find((check) => check.subject === subject && text.test(check.text));
      expect(found, JSON.stringify(checks, null, 1)).toMatchObject({ severity });
      expect(found?.fix ?? "").toMatch(fix);
      expect(status).toBe(checks.some((check) => check.severity === "fail") ? 1 : 0);
      // A warning is no reason not to start. And what does not start has failed.
      if (status === 0) await callSurvives();
      else if ((await startRefused()) !== null) refusals++;
    },
  );

  it("passes good settings; the relay starts with them, and a call survives", async () => {
    const { status, checks } = await examine();
    expect(checks.filter((check) => check.severity === "fail")).toEqual([]);
    expect(status).toBe(0);
    await callSurvives();
  });

  it.each([
    ["a file as database", () => set({ DATABASE_URL: `sqlite:${join(folder, "new", "a.db")}` })],
    [
      "an HTTP tool on a listed private host",
      () =>
        agentsFile(
          'agents: {a: {instructions: x, greeting: Hi, tools: [t]}}\nnumbers: {"*": a}\ntools: {t: {description: d, http: {url: "http://10.1.2.3/x", allow_private_hosts: ["10.1.2.3"]}}}',
        ),
    ],
    [
      "all settings of the session",
      () =>
        agentsFile(
          'agents: {a: {instructions: "{{weekday}}", greeting: Hi, time_zone: Europe/Rome, session: {speed: 1.1, max_output_tokens: 4096, truncation: auto}}}\nnumbers: {"*": a}',
        ),
    ],
  ])("passes %s, and a call survives", async (_name, change) => {
    change();
    const { status, text } = await examine();
    expect(status, text).toBe(0);
    await callSurvives();
  });

  it("passes settings with which serve, as a process with two workers, takes a call", async () => {
    const port = await freePorts(3);
    const publicUrl = `http://127.0.0.1:${port}`;
    set({
      WORKERS: "2",
      PORT: String(port),
      DATABASE_URL: `sqlite:${join(folder, "data", "w.db")}`,
    });
    number(webhooks(publicUrl));
    const { status, text } = await examine();
    expect(status, text).toBe(0);
    const node = await startNode({ model, twilio, publicUrl }, env);
    try {
      const call = twilio.placeCall({ voiceUrl: `${publicUrl}/incoming-call` });
      await call.events.until("first_media", {}, 10_000);
      call.hangUp();
      await call.ended;
    } finally {
      await node.remove();
    }
  });

  it("names what serve says when it refuses, which is one line and no stack", async () => {
    inTheWay("spool");
    const peers = { model, twilio, publicUrl: `http://127.0.0.1:${env["PORT"]}` };
    const refusal = await startNode(peers, env).then(
      () => "it started",
      (error: unknown) => String(error),
    );
    expect(refusal).toMatch(/data\/spool\/\S+ leads through a file that is no folder/);
    expect(refusal).not.toMatch(/^ +at /m);
  });

  it("has failed with each of many settings that the relay refuses", () => {
    expect(refusals).toBeGreaterThan(20);
  });

  it("names the faults of the agents file also where settings are missing", async () => {
    set({ OPENAI_API_KEY: "" });
    agentsFile(
      "agents: {a: {instructions: x, voise: marin, tools: [t]}}\ntools: {t: {module: ./t.js}}",
    );
    const { checks } = await examine();
    const failed = checks
      .filter(({ severity }) => severity === "fail")
      .map(({ subject }) => subject);
    expect(failed).toEqual(["settings", "agents file"]);
    agentsFile("agents: {a: {instructions: x, tools: [t]}}\ntools: {t: {module: ./t.js}}");
    expect((await examine()).text).toContain("t.js cannot be loaded: there is no such file");
  });

  it("never writes: neither a database nor a folder", async () => {
    env["DATABASE_URL"] = `sqlite:${join(folder, "untouched", "a.db")}`;
    env["RECORDINGS_DIR"] = join(folder, "untouched", "recordings");
    await examine();
    expect(existsSync(join(folder, "untouched"))).toBe(false);
  });

  it("reaches a running relay as Twilio would, with a signed webhook and a WebSocket", async () => {
    await callSurvives();
    const { status, checks } = await examine();
    expect(status).toBe(0);
    const texts = checks.map(({ severity, text }) => `${severity} ${text}`);
    expect(texts).toContain("ok a signed webhook was accepted");
    expect(texts).toContain("ok a WebSocket was accepted");
    expect(texts.some((text) => text.startsWith("ok a relay is running"))).toBe(true);
  });

  it("finds a relay that was started with another token", async () => {
    await callSurvives();
    env["TWILIO_AUTH_TOKEN"] = "another";
    const { checks } = await examine();
    const failed = checks.filter(
      ({ severity, subject }) => severity === "fail" && subject === "public URL",
    );
    expect(failed.map(({ text }) => text)).toEqual([
      "a signed webhook was refused (403)",
      expect.stringContaining("was refused (403)"),
    ]);
  });
});
