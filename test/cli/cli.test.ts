import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CliIo } from "../../src/cli/io.js";
import { runProgram } from "../../src/cli/program.js";
import { VERSION } from "../../src/domain/version.js";

interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  args: readonly string[],
  env: Record<string, string> = {},
  more: Partial<CliIo> = {},
): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const io: CliIo = {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    env,
    onSignal: () => {},
    ...more,
  };
  const status = await runProgram(args, io);
  return { status, out: out.join("\n"), err: err.join("\n") };
}

const COMMANDS = ["serve", "demo", "bench", "doctor", "call", "number", "replay", "config"];

describe("murelay", () => {
  it("prints its version", async () => {
    expect(await run(["--version"])).toEqual({ status: 0, out: VERSION, err: "" });
  });

  it("lists its commands in --help, and without any", async () => {
    const help = await run(["--help"]);
    expect(help.status).toBe(0);
    const none = await run([]);
    expect(none.status).toBe(2);
    for (const command of COMMANDS) {
      expect(help.out).toMatch(new RegExp(`^ {2}${command}\\b`, "m"));
      expect(none.err).toMatch(new RegExp(`^ {2}${command}\\b`, "m"));
    }
  });

  it.each([
    [["serve"], ["--print-config"]],
    [["demo"], ["--keep"]],
    [
      ["bench"],
      ["--calls", "--duration", "--relay", "--ramp", "--scenario", "--json", "--html", "--slo"],
    ],
    [["doctor"], []],
    [["call"], ["--agent", "--from", "--context"]],
    [["replay"], ["--json", "--write"]],
    [
      ["number", "set"],
      ["--sip", "--dry-run"],
    ],
    [["config"], ["print", "schema"]],
  ])("explains %j", async (command, flags) => {
    const { status, out } = await run([...command, "--help"]);
    expect(status).toBe(0);
    for (const flag of flags) expect(out).toMatch(new RegExp(`^ {2}(?:-., )?${flag}\\b.*\\S`, "m"));
  });

  it.each([
    [["fly"], "unknown command"],
    [["docter", "--help"], "Did you mean doctor?"],
    [["calls", "lst", "-h"], "Did you mean list?"],
    [["--settings", ".env", "config", "chek", "--help"], "Did you mean check?"],
    [["serve", "--nope"], "unknown option"],
    [["serve", "extra"], "too many arguments"],
    [["call", "--agent", "a"], "missing required argument"],
    [["call", "+15551112222"], "--agent"],
    [["replay"], "missing required argument"],
    [["call", "5551112222", "--agent", "a"], "E.164"],
    [["call", "+15551112222", "--agent", "a", "--context", "[1]"], "JSON object"],
    [["number", "set", "1"], "+"],
    [["bench", "--calls", "none"], "give a number from 1"],
    [["bench", "--calls=0"], "give a number from 1"],
    [["bench", "--oops"], "--oops"],
  ])("answers wrong usage with 2: %j", async (args, text) => {
    const { status, err } = await run(args);
    expect(status).toBe(2);
    expect(err).toContain(text);
  });

  it("names all missing settings at once, with 2, and starts nothing", async () => {
    const { status, out, err } = await run(["serve"]);
    expect(status).toBe(2);
    expect(out).toBe("");
    for (const name of ["OPENAI_API_KEY", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "PUBLIC_URL"])
      expect(err).toContain(`${name} is missing`);
  });

  it("stops at a settings file that cannot be used, but for what does without or names it", async () => {
    const fault = { name: ".env", problem: "is encoded in UTF-16", fix: "Save it in UTF-8." };
    for (const args of [["serve"], ["calls", "list"], ["config", "check"], ["test"]]) {
      const { status, err, out } = await run(args, {}, { settingsFault: fault });
      expect([args, status, err, out]).toEqual([
        args,
        2,
        ".env is encoded in UTF-16. Save it in UTF-8.",
        "",
      ]);
    }
    for (const args of [["config", "schema"], ["completion", "bash"], ["--help"], ["--version"]])
      expect([args, (await run(args, {}, { settingsFault: fault })).status]).toEqual([args, 0]);
    const checked = await run(["doctor"], {}, { settingsFault: fault });
    expect(checked.status).toBe(1);
    expect(checked.out).toMatch(/^fail {2}settings +\.env is encoded in UTF-16\. Fix: Save it/m);
    const printed = await run(["config", "print"], {}, { settingsFault: fault });
    expect([printed.status, printed.err]).toEqual([2, expect.stringContaining(".env is encoded")]);
  });

  it("points out what is suspicious about the settings file before it serves", async () => {
    const { err } = await run(["serve"], {}, { notices: [".env: MAX_CALL is not a setting"] });
    expect(err).toContain("MAX_CALL is not a setting");
  });

  it("prints the JSON Schema of the agents file", async () => {
    const { status, out } = await run(["config", "schema"]);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ title: "murelay agents file", type: "object" });
  });
});

describe("murelay with settings", () => {
  let folder = "";
  let server: Server;
  let answers: Record<string, { status: number; body: unknown }>;
  let asked: { line: string; body: string; auth: string }[];
  let env: Record<string, string>;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "murelay-cli-"));
    writeFileSync(join(folder, "agents.yaml"), readFileSync("agents.yaml"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  beforeEach(async () => {
    answers = {};
    asked = [];
    server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const line = `${request.method} ${request.url}`;
      asked.push({ line, body, auth: request.headers.authorization ?? "" });
      const key = Object.keys(answers).find((prefix) => line.startsWith(prefix));
      const answer = key === undefined ? undefined : answers[key];
      response.writeHead(answer?.status ?? 404, { "content-type": "application/json" });
      response.end(
        JSON.stringify(answer?.body ?? { code: 20404, message: "nothing here", status: 404 }),
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    env = {
      OPENAI_API_KEY: "sk-hush",
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
      OPENAI_REALTIME_MODEL: "gpt-realtime",
      TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
      TWILIO_AUTH_TOKEN: "hush-token",
      TWILIO_API_BASE_URL: `http://127.0.0.1:${port}`,
      PUBLIC_URL: "https://relay.example.com",
      ADMIN_PORT: String(port),
      ADMIN_TOKEN: "hush-admin",
      AGENTS_FILE: join(folder, "agents.yaml"),
      DATABASE_URL: "sqlite::memory:",
      HUMAN_AGENT_NUMBER: "+442079460123",
    };
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each([[["config", "print"]], [["serve", "--print-config"]]])(
    "prints settings redacted: %j",
    async (args) => {
      const { status, out } = await run(args, env);
      expect(status).toBe(0);
      expect(out).toMatch(/^\* PUBLIC_URL +https:\/\/relay\.example\.com$/m);
      expect(out).toMatch(/^ {2}MAX_CALLS +500$/m);
      expect(out).not.toMatch(/hush|20794601/);
    },
  );

  it("says where the agents file is wrong, with 2", async () => {
    const broken = join(folder, "broken.yaml");
    writeFileSync(broken, "agents:\n  a: {instructions: x, voise: y}\n");
    const { status, err } = await run(["serve"], { ...env, AGENTS_FILE: broken });
    expect(status).toBe(2);
    expect(err).toContain("broken.yaml:2:24 agents.a.voise is unknown (did you mean voice?)");
  });

  it("asks the running relay for an outbound call", async () => {
    answers["POST /api/calls"] = { status: 202, body: { callSid: "CA1" } };
    const args = ["call", "+15551112222", "--agent", "support", "--context", '{"order":7}'];
    expect(await run(args, env)).toEqual({ status: 0, out: '{"callSid":"CA1"}', err: "" });
    expect(asked).toEqual([
      {
        line: "POST /api/calls",
        body: '{"to":"+15551112222","agent":"support","context":{"order":7}}',
        auth: "Bearer hush-admin",
      },
    ]);
  });

  it("wants no other settings for that than where the relay's operators are answered", async () => {
    answers["POST /api/calls"] = { status: 202, body: { callSid: "CA1" } };
    const { ADMIN_PORT = "", ADMIN_TOKEN = "" } = env;
    const args = ["call", "+15551112222", "--agent", "support"];
    expect((await run(args, { ADMIN_PORT, ADMIN_TOKEN })).status).toBe(0);
    const { status, err } = await run(args, { ADMIN_PORT: "many", PORT: "none" });
    expect(status).toBe(2);
    expect(err).toContain("ADMIN_PORT");
    expect(err).not.toContain(" PORT");
  });

  it.each([
    [401, "ADMIN_TOKEN"],
    [429, "too many wrong tokens"],
    [404, "HTTP 404"],
  ])("tells why the relay refused: %i", async (status, text) => {
    answers["POST /api/calls"] = { status, body: { error: "too_many_tokens" } };
    const got = await run(["call", "+15551112222", "--agent", "support"], env);
    expect(got.status).toBe(1);
    expect(got.err).toContain(text);
  });

  it("tells the relay's own reason for a call that is not placed", async () => {
    answers["POST /api/calls"] = {
      status: 422,
      body: { error: "from_missing", message: "set `from`" },
    };
    const got = await run(["call", "+15551112222", "--agent", "support"], env);
    expect([got.status, got.err]).toEqual([1, "set `from`"]);
  });

  it.each([
    [
      ["operator", "add", "ana", "--role", "viewer", "--file", "/none/o.yaml"],
      "/none/o.yaml is not",
    ],
    [
      ["operator", "add", "ana", "--role", "viewer", "--file", "/tmp"],
      "illegal operation on a directory",
    ],
    [["config", "check", "/none/a.yaml"], "there is no such file"],
    [["capacity", "--calls", "1", "--prices", "/none/p.yaml"], "there is no such file"],
    [["test", "/none"], "there is no such file"],
    [["test", "src/wire"], "there is no conversation in src/wire"],
  ])("names a file that cannot be used, without a stack: %j", async (args, text) => {
    const { status, err, out } = await run(args, env);
    expect(status).toBeGreaterThan(0);
    expect(err + out).toContain(text);
    expect(err).not.toMatch(/^ +at /m);
  });

  describe("number set", () => {
    const number = (extra: object = {}) => ({
      status: 200,
      body: {
        incoming_phone_numbers: [
          { sid: "PN1", phone_number: "+15550001111", voice_url: "https://old.example", ...extra },
        ],
        next_page_uri: null,
      },
    });
    const LIST = `GET /2010-04-01/Accounts/AC${"0".repeat(32)}/IncomingPhoneNumbers.json`;
    const UPDATE = `POST /2010-04-01/Accounts/AC${"0".repeat(32)}/IncomingPhoneNumbers/PN1.json`;

    it("points the number here, and says what it was", async () => {
      answers[LIST] = number();
      answers[UPDATE] = { status: 200, body: { sid: "PN1" } };
      const { status, out } = await run(["number", "set", "+15550001111"], env);
      expect(status).toBe(0);
      expect(out).toMatch(
        /- voiceUrl +https:\/\/old\.example\n\+ voiceUrl +https:\/\/relay\.example\.com\/incoming-call/,
      );
      expect(Object.fromEntries(new URLSearchParams(asked[1]?.body))).toMatchObject({
        VoiceUrl: "https://relay.example.com/incoming-call",
        VoiceFallbackUrl: "https://relay.example.com/connect-ended",
        StatusCallback: "https://relay.example.com/call-status",
      });
    });

    it("notices a method that is not POST, and changes it", async () => {
      answers[LIST] = number({
        voice_url: "https://relay.example.com/incoming-call",
        voice_fallback_url: "https://relay.example.com/connect-ended",
        status_callback: "https://relay.example.com/call-status",
        voice_method: "GET",
        voice_fallback_method: "POST",
      });
      answers[UPDATE] = { status: 200, body: { sid: "PN1" } };
      const { out } = await run(["number", "set", "+15550001111"], env);
      expect(out).toMatch(/- voiceMethod +GET\n\+ voiceMethod +POST/);
      expect(Object.fromEntries(new URLSearchParams(asked[1]?.body))).toMatchObject({
        VoiceMethod: "POST",
        VoiceFallbackMethod: "POST",
        StatusCallbackMethod: "POST",
      });
    });

    it("prints before and after as JSON", async () => {
      answers[LIST] = number();
      const { out } = await run(["number", "set", "+15550001111", "--dry-run", "--json"], env);
      expect(JSON.parse(out)).toMatchObject({
        number: "+15550001111",
        changed: false,
        before: { voiceUrl: "https://old.example", voiceMethod: "POST" },
        after: { voiceUrl: "https://relay.example.com/incoming-call" },
      });
    });

    it("changes nothing in a dry run", async () => {
      answers[LIST] = number();
      const { status, out } = await run(
        ["number", "set", "+15550001111", "--sip", "--dry-run"],
        env,
      );
      expect(status).toBe(0);
      expect(out).toContain("https://relay.example.com/sip/incoming-call");
      expect(asked).toHaveLength(1);
    });

    it("does not touch a number that something else has taken, nor one that is not there", async () => {
      answers[LIST] = number({ trunk_sid: "TK1" });
      expect(await run(["number", "set", "+15550001111"], env)).toMatchObject({ status: 1 });
      answers[LIST] = { status: 200, body: { incoming_phone_numbers: [], next_page_uri: null } };
      expect(await run(["number", "set", "+15550001111"], env)).toMatchObject({ status: 1 });
      expect(asked.every(({ line }) => line.startsWith("GET"))).toBe(true);
    });

    it("tells Twilio's refusal by its code", async () => {
      answers[LIST] = { status: 401, body: { code: 20003, message: "no", status: 401 } };
      const { status, err } = await run(["number", "set", "+15550001111"], env);
      expect([status, err]).toEqual([1, expect.stringContaining("twilio_unauthorized")]);
    });
  });

  it("names every missing setting in doctor", async () => {
    const { status, out } = await run(["doctor"]);
    expect(status).toBe(1);
    expect(out.match(/^fail {2}settings/gm)).toHaveLength(4);
  });
});
