import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError, type ConfigFault } from "../../src/config/config-error.js";
import { type Environment, loadConfig, settingEntries } from "../../src/config/load.js";
import { anyCharacter } from "../fakes/any-character.js";

const REQUIRED = {
  OPENAI_API_KEY: "sk-secret-openai",
  TWILIO_ACCOUNT_SID: "AC00000000000000000000000000000000",
  TWILIO_AUTH_TOKEN: "secret-twilio",
  PUBLIC_URL: "https://relay.example.com",
};
const noFiles = (path: string): string => {
  throw new Error(`no file ${path}`);
};
const load = (env: Environment, readFile = noFiles) =>
  loadConfig({ ...REQUIRED, ...env }, readFile);

function faultsOf(env: Environment, readFile = noFiles): readonly ConfigFault[] {
  try {
    loadConfig(env, readFile);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}
const faultOf = (env: Environment) => faultsOf({ ...REQUIRED, ...env }).map(({ name }) => name);

describe("loadConfig", () => {
  it("has the documented defaults", () => {
    expect(load({ NODE_NAME: "n1" })).toEqual({
      host: "0.0.0.0",
      port: 8080,
      publicUrl: "https://relay.example.com",
      mediaUrl: "wss://relay.example.com/media-stream",
      nodeName: "n1",
      workers: 1,
      adminHost: "127.0.0.1",
      adminPort: 9464,
      adminToken: null,
      operatorsFile: null,
      openaiApiKey: "sk-secret-openai",
      openaiRealtimeUrl: "wss://api.openai.com/v1/realtime",
      openaiBaseUrl: "https://api.openai.com/v1",
      openaiRealtimeModel: "gpt-realtime-2.1",
      openaiWebhookSecret: null,
      openaiProjectId: null,
      supervisorAppSid: null,
      twilioAccountSid: REQUIRED.TWILIO_ACCOUNT_SID,
      twilioAuthToken: "secret-twilio",
      twilioAuthTokenSecondary: null,
      twilioApiKey: null,
      twilioApiSecret: null,
      twilioApiBaseUrl: "https://api.twilio.com",
      twilioValidate: true,
      httpsProxy: null,
      otelEndpoint: null,
      otelTracesEndpoint: null,
      otelHeaders: null,
      otelTracesHeaders: null,
      otelTimeoutMs: 10_000,
      otelServiceName: null,
      otelResourceAttributes: null,
      otelSampler: null,
      otelSamplerArg: 1,
      otelDisabled: false,
      noProxy: null,
      agentsFile: "agents.yaml",
      databaseUrl: "sqlite:data/murelay.db",
      recordingsDir: "data/recordings",
      humanAgentNumber: null,
      prewarm: true,
      maxCalls: 500,
      overloadPercent: 95,
      peerUrl: null,
      maxCallMinutes: 55,
      drainSeconds: 300,
      drainDelaySeconds: 0,
      upstreamTimeoutMs: 3000,
      playoutLeadMs: 160,
      uplinkPtimeMs: 20,
      uplinkIdlePtimeMs: 100,
      logLevel: "info",
      logPretty: false,
    });
  });

  it("is frozen", () => {
    expect(Object.isFrozen(load({}))).toBe(true);
  });

  it("names everything that is missing or wrong at once", () => {
    const faults = faultsOf({ PORT: "eighty", UPLINK_PTIME_MS: "30", LOG_LEVEL: "loud" });
    expect(faults.map(({ name }) => name).sort()).toEqual([
      "LOG_LEVEL",
      "OPENAI_API_KEY",
      "PORT",
      "PUBLIC_URL",
      "TWILIO_ACCOUNT_SID",
      "TWILIO_AUTH_TOKEN",
      "UPLINK_PTIME_MS",
    ]);
    for (const { problem, fix } of faults) expect(`${problem}|${fix}`).toMatch(/.+\|.+/);
  });

  it("has each fault in its message, and no value that was given", () => {
    try {
      loadConfig({ ...REQUIRED, OPENAI_API_KEY: "sk-has a space", PORT: "70000" }, noFiles);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(error).toMatchObject({ code: "config_invalid" });
      expect(String(error)).toMatch(
        /OPENAI_API_KEY contains white space[\s\S]*PORT is above 65535|PORT[\s\S]*OPENAI/,
      );
      expect(String(error)).not.toContain("sk-has");
    }
  });

  it("takes an empty value for unset, and trims the others", () => {
    expect(load({ PORT: "", LOG_LEVEL: " debug " })).toMatchObject({
      port: 8080,
      logLevel: "debug",
    });
    expect(faultOf({ OPENAI_API_KEY: "" })).toEqual(["OPENAI_API_KEY"]);
  });

  it.each([
    ["PORT", "0", "65535", "-1", "65536"],
    ["ADMIN_PORT", "0", "65535", "-1", "65536"],
    ["MAX_CALLS", "1", "10000", "0", "10001"],
    ["DRAIN_SECONDS", "0", "86400", "-1", "86401"],
    ["UPSTREAM_TIMEOUT_MS", "100", "60000", "99", "60001"],
    ["PLAYOUT_LEAD_MS", "40", "5000", "20", "5020"],
    ["UPLINK_PTIME_MS", "20", "100", "0", "220"],
    ["UPLINK_IDLE_PTIME_MS", "20", "500", "0", "520"],
    ["WORKERS", "1", "256", "0", "257"],
  ])("bounds %s to %s–%s", (name, low, high, below, above) => {
    for (const good of [low, high]) expect(faultOf({ [name]: good })).toEqual([]);
    for (const bad of [below, above, "1.5", "1e3", "0x10", "many"])
      expect(faultOf({ [name]: bad })).toEqual([name]);
  });

  it.each([
    ["MAX_CALL_MINUTES", "0.05", "240", "0.04", "240.5"],
    ["OTEL_TRACES_SAMPLER_ARG", "0", "1", "-0.1", "1.01"],
  ])("bounds %s, which may have a fraction, to %s–%s", (name, low, high, below, above) => {
    for (const good of [low, high, "0.5"]) expect(faultOf({ [name]: good })).toEqual([]);
    for (const bad of [below, above, "1e3", "0x10", ".5", "1.", "many"])
      expect(faultOf({ [name]: bad })).toEqual([name]);
  });

  it.each(["PLAYOUT_LEAD_MS", "UPLINK_PTIME_MS", "UPLINK_IDLE_PTIME_MS"])(
    "wants whole frames for %s",
    (name) => {
      expect(faultOf({ [name]: "110" })).toEqual([name]);
    },
  );

  it.each([
    ["PUBLIC_URL", "http://127.0.0.1:8080", true],
    ["PUBLIC_URL", "http://localhost:8080", true],
    ["PUBLIC_URL", "http://[::1]:8080", true],
    ["PUBLIC_URL", "http://relay.example.com", false],
    ["PUBLIC_URL", "http://127.0.0.1.evil.example", false],
    ["PUBLIC_URL", "https://relay.example.com/prefix/", false],
    ["PUBLIC_URL", "https://relay.example.com/incoming-call", false],
    ["PUBLIC_URL", "relay.example.com:8080", false],
    ["HTTPS_PROXY", "http://proxy.example.com:3128", true],
    ["HTTPS_PROXY", "https://user:pw@proxy.example.com:3128/", true],
    ["HTTPS_PROXY", "proxy.example.com:3128", false],
    ["HTTPS_PROXY", "socks5://proxy.example.com", false],
    ["HTTPS_PROXY", "http://proxy.example.com/path", false],
    ["NO_PROXY", "localhost, 127.0.0.1,.example.com,10.0.0.0/8,*", true],
    ["NO_PROXY", "localhost;example.com", false],
    ["PUBLIC_URL", "https://relay.example.com/?a=1", false],
    ["PUBLIC_URL", "https://relay.example.com/#a", false],
    ["PUBLIC_URL", "https://user:pw@relay.example.com", false],
    ["PUBLIC_URL", "relay.example.com", false],
    ["PUBLIC_URL", "wss://relay.example.com", false],
    ["OPENAI_REALTIME_URL", "ws://127.0.0.1:9000/v1/realtime", true],
    ["OPENAI_REALTIME_URL", "ws://model.example.com", false],
    ["OPENAI_REALTIME_URL", "https://api.openai.com/v1/realtime", false],
    ["OPENAI_BASE_URL", "http://127.0.0.1:9000/v1", true],
    ["OPENAI_BASE_URL", "http://proxy.example.com/v1", false],
    ["TWILIO_API_BASE_URL", "http://127.0.0.1:4010", true],
    ["TWILIO_API_BASE_URL", "http://proxy.example.com", false],
    ["MEDIA_URL", "wss://{node}.example.com/{worker}/media-stream", true],
    ["MEDIA_URL", "wss://{host}.example.com/media-stream", false],
    ["MEDIA_URL", "wss://relay.example.com/media-stream?token=1", false],
    ["MEDIA_URL", "ws://relay.example.com/media-stream", false],
    ["MEDIA_URL", "ws://127.0.0.1:8080/media-stream", true],
    ["DATABASE_URL", "postgres://u:p@h/db", true],
    ["DATABASE_URL", "postgresql://h/db", true],
    ["DATABASE_URL", "sqlite::memory:", true],
    ["DATABASE_URL", "sqlite:", false],
    ["DATABASE_URL", "mysql://h/db", false],
    ["HUMAN_AGENT_NUMBER", "+15551112222", true],
    ["HUMAN_AGENT_NUMBER", "sip:desk@pbx.example.com", true],
    ["HUMAN_AGENT_NUMBER", "555 1112222", false],
    ["TWILIO_VALIDATE", "maybe", false],
    ["NODE_NAME", "a b", false],
    ["WORKERS", "auto", true],
    ["TWILIO_ACCOUNT_SID", "SK00000000000000000000000000000000", false],
  ])("%s=%s: allowed %s", (name, value, allowed) => {
    expect(faultOf({ [name]: value })).toEqual(allowed ? [] : [name]);
  });

  it.each([
    ["HTTPS://Relay.Example.COM/", "https://relay.example.com"],
    ["https://relay.example.com:443", "https://relay.example.com"],
    ["https://relay.example.com:8443/", "https://relay.example.com:8443"],
  ])("normalises PUBLIC_URL %s", (given, expected) => {
    expect(load({ PUBLIC_URL: given }).publicUrl).toBe(expected);
  });

  it("normalises scheme and host of other addresses, and leaves their paths", () => {
    const config = load({ OPENAI_REALTIME_URL: "WSS://API.OpenAI.com/V1/realtime/" });
    expect(config.openaiRealtimeUrl).toBe("wss://api.openai.com/V1/realtime");
  });

  it.each([
    ["https://relay.example.com/incoming-call", "contains a path: give only scheme and host"],
    ["https://relay.example.com?x=1", "contains a query string: give only scheme and host"],
    ["wss://relay.example.com", "must begin with https://: write https:// in place of wss://"],
    ["relay.example.com", "must begin with https://"],
  ])("says what is wrong with PUBLIC_URL %s", (given, problem) => {
    expect(faultsOf({ ...REQUIRED, PUBLIC_URL: given })[0]?.problem).toBe(problem);
  });

  it("reads the proxy by its lower-case name, too; the own name wins", () => {
    const both = { https_proxy: "http://a.example:1", HTTPS_PROXY: "http://b.example:1" };
    expect(load({ https_proxy: both.https_proxy }).httpsProxy).toBe("http://a.example:1");
    expect(load(both).httpsProxy).toBe("http://b.example:1");
  });

  it("names a variable that is probably the missing one, mistyped", () => {
    const faults = faultsOf({
      ...REQUIRED,
      OPENAI_API_KEY: "",
      OPENAI_APIKEY: "sk-x",
      PATH: "/bin",
    });
    expect(faults).toMatchObject([
      {
        name: "OPENAI_API_KEY",
        problem: "is missing (but OPENAI_APIKEY is set: is that a typing error?)",
      },
    ]);
  });

  it("derives MEDIA_URL from PUBLIC_URL", () => {
    const media = (publicUrl: string) => load({ PUBLIC_URL: publicUrl }).mediaUrl;
    expect(media("https://a.example/")).toBe("wss://a.example/media-stream");
    expect(media("http://127.0.0.1:8080")).toBe("ws://127.0.0.1:8080/media-stream");
  });

  it("needs no PUBLIC_URL while only this machine can call", () => {
    expect(load({ PUBLIC_URL: "", HOST: "127.0.0.1", PORT: "8081" }).publicUrl).toBe(
      "http://127.0.0.1:8081",
    );
    expect(load({ PUBLIC_URL: "", HOST: "::1" }).publicUrl).toBe("http://[::1]:8080");
    expect(faultOf({ PUBLIC_URL: "", HOST: "127.0.0.1", PORT: "0" })).toEqual(["PUBLIC_URL"]);
  });

  it("reads secrets from files, and only secrets", () => {
    const files: Record<string, string> = { "/run/key": "sk-from-file\n", "/run/port": "1" };
    const read = (path: string) => files[path]?.trimEnd() ?? noFiles(path);
    const config = load(
      { OPENAI_API_KEY: "", OPENAI_API_KEY_FILE: "/run/key", PORT_FILE: "/run/port" },
      read,
    );
    expect(config).toMatchObject({ openaiApiKey: "sk-from-file", port: 8080 });
  });

  it.each([
    [
      "a file that cannot be read",
      { OPENAI_API_KEY: "", OPENAI_API_KEY_FILE: "/gone" },
      "OPENAI_API_KEY_FILE",
    ],
    ["value and file", { OPENAI_API_KEY_FILE: "/run/key" }, "OPENAI_API_KEY"],
  ])("refuses %s", (_name, env, fault) => expect(faultOf(env)).toEqual([fault]));

  it("never throws anything but a ConfigError, whatever the environment holds", () => {
    const names = settingEntries().map(([, { name }]) => name);
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...names), fc.string({ unit: anyCharacter, maxLength: 40 })),
        (env) => {
          faultsOf(env);
        },
      ),
      { numRuns: 300 },
    );
  });
});
