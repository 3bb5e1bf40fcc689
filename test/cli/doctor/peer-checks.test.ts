/** The checks that ask OpenAI, Twilio and the relay itself: answers of a server, and what they mean. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ProbeAnswer } from "../../../src/adapters/http-client/http-probe.js";
import type { CheckResult } from "../../../src/cli/check-result.js";
import { checkModels } from "../../../src/cli/doctor/models-check.js";
import { checkPublicUrl } from "../../../src/cli/doctor/public-url-check.js";
import { checkSip, modelAddress, webhookUrl } from "../../../src/cli/doctor/sip-checks.js";
import { checkTwilio } from "../../../src/cli/doctor/twilio-check.js";
import { loadConfig } from "../../../src/config/load.js";
import type { AgentsFile } from "../../../src/domain/agent-profile.js";
import { agent } from "../../fakes/call-bench.js";

const ACCOUNT = `AC${"0".repeat(32)}`;
const REST = `/2010-04-01/Accounts/${ACCOUNT}`;
type Answer = readonly [status: number, body: unknown];

let server: Server;
let port = 0;
/** By the beginning of the request line. An upgrade is answered 101 where `upgrades` says so. */
let answers: Record<string, Answer>;
let upgrades: boolean;
let asked: string[];
beforeEach(async () => {
  answers = {};
  upgrades = true;
  asked = [];
  server = createServer((request, response) => {
    const line = `${request.method} ${request.url}`;
    asked.push(line);
    const key = Object.keys(answers).find((prefix) => line.startsWith(prefix));
    const [status, body] = (key === undefined ? undefined : answers[key]) ?? [404, {}];
    request.resume().on("end", () => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  server.on("upgrade", (_request, socket) => {
    if (upgrades)
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      );
    else socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const config = (env: Readonly<Record<string, string>> = {}) =>
  loadConfig({
    OPENAI_API_KEY: "sk-hush",
    OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
    OPENAI_REALTIME_MODEL: "gpt-realtime",
    TWILIO_ACCOUNT_SID: ACCOUNT,
    TWILIO_AUTH_TOKEN: "hush-token",
    TWILIO_API_BASE_URL: `http://127.0.0.1:${port}`,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    HOST: "127.0.0.1",
    ...env,
  });
const told = ({ severity, text, fix }: CheckResult) =>
  `${severity} ${text.replaceAll(`127.0.0.1:${port}`, "relay")}${fix === null ? "" : ` | ${fix}`}`;
async function results(checks: AsyncGenerator<CheckResult, unknown>): Promise<string[]> {
  const found: string[] = [];
  for await (const result of checks) found.push(told(result));
  expect(found.join()).not.toMatch(/hush/);
  return found;
}

describe("the check of the models", () => {
  const check = (agents: AgentsFile | null = null) => results(checkModels(config(), agents, []));

  it.each([
    [200, /^ok key accepted, model gpt-realtime available/],
    [401, /^fail the key is refused \| check OPENAI_API_KEY/],
    [404, /^fail the model gpt-realtime is not available/],
    [500, /^warn could not look up the model gpt-realtime: HTTP 500/],
  ])("reads the answer %i", async (status, found) => {
    answers["GET /v1/models/gpt-realtime"] = [status, {}];
    expect(await check()).toEqual([expect.stringMatching(found)]);
  });

  it("asks for each model once, and no more once the key is refused", async () => {
    const of = (name: string, model: string) => [name, agent({ name, model })] as const;
    const agents = {
      agents: new Map([of("a", "m1"), of("b", "m1"), of("c", "m2")]),
    } as unknown as AgentsFile;
    answers["GET /v1/models/"] = [200, {}];
    await check(agents);
    expect(asked).toEqual(["GET /v1/models/m1", "GET /v1/models/m2"]);
    answers["GET /v1/models/"] = [401, {}];
    asked.length = 0;
    await check(agents);
    expect(asked).toHaveLength(1);
  });

  it("keeps the answers, for the check of the clock", async () => {
    const kept: ProbeAnswer[] = [];
    answers["GET /v1/models/"] = [200, {}];
    await results(checkModels(config(), null, kept));
    expect(kept[0]?.dateEpochMs).toBeGreaterThan(0);
  });

  it("says so when nothing answers", async () => {
    const away = config({ OPENAI_BASE_URL: "http://127.0.0.1:1/v1" });
    expect(await results(checkModels(away, null, []))).toEqual([
      expect.stringMatching(/^fail cannot be reached \(ECONNREFUSED\)/),
    ]);
  });
});

describe("the check of the public URL", () => {
  const check = async (relayRuns = true, env = {}) =>
    // The first line says that this machine cannot be reached from outside.
    (await results(checkPublicUrl(config(env), relayRuns, []))).slice(1);

  it("is content when a signed webhook and a signed upgrade are accepted", async () => {
    answers = { "GET /health": [200, "ok\n"], "POST /call-status": [204, ""] };
    expect(await check()).toEqual([
      "ok a signed webhook was accepted",
      "ok a WebSocket was accepted",
    ]);
  });

  it.each([
    [403, /^fail a signed webhook was refused \(403\) \| start the relay with this PUBLIC_URL/],
    [502, /^fail a signed webhook was answered HTTP 502/],
  ])("fails when the webhook is answered %i", async (status, found) => {
    answers = { "GET /health": [200, "ok"], "POST /call-status": [status, ""] };
    expect((await check())[0]).toMatch(found);
  });

  it("fails when the upgrade is refused", async () => {
    answers = { "GET /health": [200, "ok"], "POST /call-status": [204, ""] };
    upgrades = false;
    expect((await check())[1]).toMatch(/^fail a signed WebSocket to .* was refused \(403\)/);
  });

  it.each([
    [true, /^fail http:\/\/relay answers HTTP 404 and is not a relay/],
    [false, /^warn .*\| start the relay and run doctor again/],
  ])("judges a stranger at that address; the relay runs: %s", async (relayRuns, found) => {
    expect(await check(relayRuns)).toEqual([expect.stringMatching(found)]);
  });

  it("fails on a name that cannot be resolved", async () => {
    const lines = await results(
      checkPublicUrl(config({ PUBLIC_URL: "https://relay.invalid" }), true, []),
    );
    expect(lines).toEqual([expect.stringMatching(/^fail relay\.invalid cannot be resolved/)]);
  });
});

const NUMBER = {
  sid: "PN1",
  phone_number: "+15550001111",
  voice_url: "https://relay.example.com/incoming-call",
  voice_method: "POST",
  voice_fallback_url: "https://relay.example.com/connect-ended",
  voice_fallback_method: "POST",
  status_callback: "https://relay.example.com/call-status",
  status_callback_method: "POST",
};
function twilio(number: object | null = {}, status = "active"): void {
  const numbers = number === null ? [] : [{ ...NUMBER, ...number }];
  answers[`GET ${REST}.json`] = [200, { sid: ACCOUNT, status }];
  answers[`GET ${REST}/IncomingPhoneNumbers.json`] = [
    200,
    { incoming_phone_numbers: numbers, next_page_uri: null },
  ];
}
const AGENTS = {
  agents: new Map([["a", agent()]]),
  numbers: new Map([["+15550001111", "a"]]),
  defaultAgent: null,
} as AgentsFile;

describe("the check of the Twilio account", () => {
  const check = (agents: AgentsFile | null = AGENTS) =>
    results(checkTwilio(config({ PUBLIC_URL: "https://relay.example.com" }), agents));

  it("is content with numbers that point here", async () => {
    twilio();
    expect(await check()).toEqual([
      "ok credentials accepted, account active",
      "ok 1 of 1 numbers point to this relay",
    ]);
  });

  it.each<[string, object | null, RegExp]>([
    ["no number points here", null, /^warn no number points to this relay \|/m],
    [
      "an agent's number points elsewhere",
      { voice_url: "https://x/" },
      /^warn number …1111 does not point/m,
    ],
    ["a trunk takes the calls", { trunk_sid: "TK1" }, /^fail number …1111: TK1 takes its calls/m],
    ["the voice webhook is a GET", { voice_method: "GET" }, /^fail .* voice webhook is not POST/m],
    ["there is no fallback", { voice_fallback_url: "" }, /^warn .* has no fallback URL/m],
    [
      "the fallback is another's",
      { voice_fallback_url: "https://x/" },
      /^warn .* not this relay's/m,
    ],
    [
      "the fallback is a GET",
      { voice_fallback_method: "GET" },
      /^fail .* fallback URL is not POST/m,
    ],
    ["there is no status callback", { status_callback: "" }, /^warn .* has no status callback/m],
    [
      "the status callback is a GET",
      { status_callback_method: "GET" },
      /^fail .* status callback is not POST/m,
    ],
  ])("tells when %s", async (_, number, found) => {
    twilio(number);
    const lines = await check();
    expect(lines.join("\n")).toMatch(found);
    expect(lines.join()).not.toContain("+15550001111");
  });

  it.each([
    ["suspended", () => twilio({}, "suspended"), /^fail the account is suspended/],
    [
      "refused",
      () => {
        answers[`GET ${REST}.json`] = [401, { code: 20003, message: "no", status: 401 }];
      },
      /^fail twilio_unauthorized .*\| check TWILIO_ACCOUNT_SID/,
    ],
  ])("fails when the account is %s", async (_, prepare, found) => {
    prepare();
    expect(await check()).toEqual([expect.stringMatching(found)]);
  });
});

describe("the check of the SIP path", () => {
  const SIP = { OPENAI_WEBHOOK_SECRET: "whsec_c2VjcmV0", OPENAI_PROJECT_ID: "proj_1" };

  it("names the addresses that are to be set elsewhere", () => {
    expect(modelAddress("proj_1")).toBe("sip:proj_1@sip.api.openai.com;transport=tls");
    expect(webhookUrl({ publicUrl: "https://relay.example.com" })).toBe(
      "https://relay.example.com/openai/webhook",
    );
  });

  it("goes no further while the path is off", async () => {
    expect(await results(checkSip(config(), null))).toEqual([
      expect.stringMatching(/^fail OPENAI_WEBHOOK_SECRET is not set/),
    ]);
    expect(asked).toEqual([]);
  });

  it.each([
    [{ transfer_mode: "disable-all" }, /^warn “Main” accepts no call transfer/m],
    [{ transfer_mode: "sip-only" }, /^warn “Main” transfers to SIP addresses only/m],
    [{ disaster_recovery_url: "" }, /^warn “Main” has no disaster recovery URL/m],
    [{}, /^ok “Main”: 0 numbers lead to the model/m],
  ])("judges a trunk that leads to the model: %j", async (change, found) => {
    twilio(null);
    const trunk = {
      sid: "TK1",
      friendly_name: "Main",
      transfer_mode: "enable-all",
      disaster_recovery_url: "https://x.example/",
      ...change,
    };
    const urls = [{ sid: "OU1", sip_url: modelAddress("proj_1"), enabled: true }];
    const page = (key: string, list: readonly object[]) =>
      [200, { [key]: list, meta: { key, next_page_url: null } }] as const;
    answers["GET /v1/Trunks?"] = page("trunks", [trunk]);
    answers["GET /v1/Trunks/TK1/OriginationUrls"] = page("origination_urls", urls);
    answers["GET /v1/Trunks/TK1/PhoneNumbers"] = page("phone_numbers", []);
    expect((await results(checkSip(config(SIP), null))).join("\n")).toMatch(found);
  });
});
