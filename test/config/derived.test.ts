import type { NetworkInterfaceInfo } from "node:os";
import { describe, expect, it } from "vitest";
import {
  mediaUrlFor,
  peerUrlFor,
  tracesOf,
  twilioAccount,
  twilioAuthTokens,
} from "../../src/config/derived.js";
import { type Environment, loadConfig } from "../../src/config/load.js";

const REQUIRED = {
  OPENAI_API_KEY: "sk-secret-openai",
  TWILIO_ACCOUNT_SID: "AC00000000000000000000000000000000",
  TWILIO_AUTH_TOKEN: "secret-twilio",
  PUBLIC_URL: "https://relay.example.com",
};
const load = (env: Environment) => loadConfig({ ...REQUIRED, ...env });

const COLLECTOR = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" };
const SAMPLED = { OTEL_TRACES_SAMPLER_ARG: "0.5" };

describe("derived settings", () => {
  it("fills node and worker into MEDIA_URL", () => {
    const config = load({
      MEDIA_URL: "wss://m.example/{node}/{worker}/media-stream",
      NODE_NAME: "n7",
    });
    expect(mediaUrlFor(config, 3)).toBe("wss://m.example/n7/3/media-stream");
  });

  it.each<[Environment, object | null]>([
    [{}, null],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318/" }, { url: "http://c:4318/v1/traces" }],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c:4318/own" }, { url: "http://c:4318/own" }],
    [
      { ...COLLECTOR, OTEL_EXPORTER_OTLP_HEADERS: "a=1" },
      { headers: "a=1", timeoutMs: 10_000 },
    ],
    [
      {
        ...COLLECTOR,
        OTEL_EXPORTER_OTLP_HEADERS: "a=1",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: "b=2",
        OTEL_EXPORTER_OTLP_TIMEOUT: "500",
      },
      { headers: "b=2", timeoutMs: 500 },
    ],
    [{ ...COLLECTOR, OTEL_TRACES_SAMPLER_ARG: "0.5" }, { ratio: 0.5 }],
    [{ ...COLLECTOR, OTEL_TRACES_SAMPLER: "parentbased_traceidratio" }, { ratio: 1 }],
    [{ ...COLLECTOR, ...SAMPLED, OTEL_TRACES_SAMPLER: "always_on" }, { ratio: 1 }],
    [{ ...COLLECTOR, ...SAMPLED, OTEL_TRACES_SAMPLER: "traceidratio" }, { ratio: 0.5 }],
    [{ ...COLLECTOR, OTEL_TRACES_SAMPLER: "parentbased_always_off" }, null],
    [{ ...COLLECTOR, OTEL_SDK_DISABLED: "true" }, null],
    [
      { ...COLLECTOR, OTEL_SERVICE_NAME: "desk", OTEL_RESOURCE_ATTRIBUTES: "a=1" },
      { serviceName: "desk", resourceAttributes: "a=1" },
    ],
  ])("tell where traces go, and which: %j", (env, traces) => {
    if (traces === null) expect(tracesOf(load(env))).toBeNull();
    else expect(tracesOf(load(env))).toMatchObject(traces);
  });

  it("gives both tokens while one is rotated", () => {
    expect(twilioAuthTokens(load({}))).toEqual(["secret-twilio"]);
    expect(twilioAuthTokens(load({ TWILIO_AUTH_TOKEN_SECONDARY: "next" }))).toEqual([
      "secret-twilio",
      "next",
    ]);
  });

  it("give Twilio's REST API the key where there is one, and the token beside it", () => {
    const key = { TWILIO_API_KEY: "SK1", TWILIO_API_SECRET: "s" };
    expect(twilioAccount(load(key))).toEqual({
      accountSid: REQUIRED.TWILIO_ACCOUNT_SID,
      authToken: "secret-twilio",
      apiKey: "SK1",
      apiSecret: "s",
      baseUrl: "https://api.twilio.com",
    });
  });

  it("say where other nodes reach the operator listener", () => {
    const token = { ADMIN_TOKEN: "a-token-of-some-length" };
    const address = (family: "IPv4" | "IPv6", address: string, internal: boolean) =>
      ({ family, address, internal, scopeid: 0 }) as unknown as NetworkInterfaceInfo;
    const interfaces = () => ({
      lo: [address("IPv4", "127.0.0.1", true)],
      eth0: [address("IPv6", "2001:db8::5", false), address("IPv4", "10.0.0.5", false)],
    });
    const at = (env: Environment, port: number | null = null) =>
      peerUrlFor(load({ ...token, ...env }), port, interfaces);
    expect(at({})).toBe("http://127.0.0.1:9464");
    expect(at({ ADMIN_HOST: "0.0.0.0", ADMIN_PORT: "9000" })).toBe("http://10.0.0.5:9000");
    expect(at({ ADMIN_HOST: "::1" })).toBe("http://[::1]:9464");
    expect(at({ PEER_URL: "https://node-1.internal/" })).toBe("https://node-1.internal");
    // A port of the system's choice is known to the process that listens, and to no other.
    expect(at({ ADMIN_PORT: "0" })).toBeNull();
    expect(at({ ADMIN_PORT: "0" }, 4321)).toBe("http://127.0.0.1:4321");
  });
});
