import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { probeWebhook } from "../../src/adapters/http-client/webhook-probe.js";
import { runProgram } from "../../src/cli/program.js";

const SECRET = `whsec_${Buffer.from("a secret of thirty-two characters").toString("base64")}`;
const ACCOUNT = `AC${"0".repeat(32)}`;
const PROJECT = "proj_mine";
const ADDRESS = `sip:${PROJECT}@sip.api.openai.com;transport=tls`;

interface Asked {
  readonly line: string;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

let folder = "";
let server: Server;
let port = 0;
let answers: Record<string, { status: number; body: unknown }>;
let asked: Asked[];
let env: Record<string, string>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-trunk-"));
  writeFileSync(join(folder, "agents.yaml"), readFileSync("agents.yaml"));
});
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  asked = [];
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const line = `${request.method} ${request.url}`;
    asked.push({ line, body, headers: request.headers });
    const key = Object.keys(answers).find((prefix) => line.startsWith(prefix));
    const answer = key === undefined ? undefined : answers[key];
    response.writeHead(answer?.status ?? 404, { "content-type": "application/json" });
    response.end(
      JSON.stringify(answer?.body ?? { code: 20404, message: "nothing here", status: 404 }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
  answers = carrier({});
  env = {
    OPENAI_API_KEY: "sk-hush",
    OPENAI_WEBHOOK_SECRET: SECRET,
    OPENAI_PROJECT_ID: PROJECT,
    OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
    TWILIO_ACCOUNT_SID: ACCOUNT,
    TWILIO_AUTH_TOKEN: "hush-token",
    TWILIO_API_BASE_URL: `http://127.0.0.1:${port}`,
    HOST: "127.0.0.1",
    AGENTS_FILE: join(folder, "agents.yaml"),
    HUMAN_AGENT_NUMBER: "+442079460123",
  };
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

interface Carrier {
  readonly voiceUrl?: string;
  readonly uri?: string;
  readonly enabled?: boolean;
  readonly transfer?: string;
  readonly recovery?: string;
}

/** Twilio's answers: one number, and one trunk unless its URI is "". */
function carrier({ voiceUrl = "", uri = ADDRESS, enabled = true, transfer, recovery }: Carrier) {
  const page = (key: string, rows: readonly object[]) => ({
    status: 200,
    body: { [key]: rows, meta: { key, page: 0, page_size: 50, next_page_url: null } },
  });
  const trunk = {
    sid: "TK1",
    friendly_name: "front door",
    secure: true,
    transfer_mode: transfer ?? "enable-all",
    disaster_recovery_url: recovery ?? "https://relay.example.com/connect-ended",
  };
  return {
    [`GET /2010-04-01/Accounts/${ACCOUNT}/IncomingPhoneNumbers.json`]: {
      status: 200,
      body: {
        incoming_phone_numbers: [{ sid: "PN1", phone_number: "+15550001111", voice_url: voiceUrl }],
        next_page_uri: null,
      },
    },
    "GET /v1/Trunks/TK1/OriginationUrls": page("origination_urls", [
      { sid: "OU1", sip_url: uri, enabled, priority: 10, weight: 10 },
    ]),
    "GET /v1/Trunks/TK1/PhoneNumbers": page("phone_numbers", [
      { sid: "PN2", phone_number: "+15550002222" },
    ]),
    "GET /v1/Trunks?": page("trunks", uri === "" ? [] : [trunk]),
  };
}

async function check(over: Record<string, string> = {}) {
  const out: string[] = [];
  const status = await runProgram(["trunk", "check"], {
    out: (line) => void out.push(line),
    err: (line) => void out.push(line),
    env: { ...env, ...over },
    onSignal: () => {},
  });
  const text = out.join("\n");
  expect(text).not.toMatch(/hush|thirty-two|5550002222/);
  return { status, text };
}

describe("murelay trunk check", () => {
  it("says what has to be set where, with this relay's own values", async () => {
    const { text } = await check();
    for (const value of [
      "/openai/webhook",
      "realtime.call.incoming",
      ADDRESS,
      "/sip/incoming-call",
    ])
      expect(text).toContain(value);
  });

  it("finds a trunk well that leads to the project and takes transfers", async () => {
    const { status, text } = await check();
    expect(text).toMatch(/^ok +SIP trunk +“front door”: 1 numbers lead to the model$/m);
    expect(status).toBe(0);
  });

  it.each<[string, Carrier, RegExp, number]>([
    [
      "leads to another project",
      { uri: ADDRESS.replace("mine", "other") },
      /^fail +SIP trunk .*another project/m,
      1,
    ],
    [
      "leads there without TLS",
      { uri: ADDRESS.replace(";transport=tls", "") },
      /^fail +SIP trunk .*transport=tls/m,
      1,
    ],
    ["takes no transfer", { transfer: "disable-all" }, /^warn +SIP trunk .*REFER/m, 0],
    [
      "transfers to SIP only",
      { transfer: "sip-only" },
      /^warn +SIP trunk .*SIP addresses only/m,
      0,
    ],
    ["has no way out", { recovery: "" }, /^warn +SIP trunk .*disaster recovery/m, 0],
    ["is switched off", { enabled: false }, /^warn +SIP numbers .*no number and no trunk/m, 0],
    [
      "leads elsewhere",
      { uri: "sip:sip.api.openai.com@evil.example" },
      /^warn +SIP numbers .*no number/m,
      0,
    ],
  ])("sees that a trunk %s", async (_name, fields, finding, status) => {
    answers = carrier(fields);
    const got = await check();
    expect(got.text).toMatch(finding);
    expect(got.status).toBe(status);
  });

  it("counts the numbers that take the conference way", async () => {
    answers = carrier({ uri: "", voiceUrl: "http://127.0.0.1:8080/sip/incoming-call" });
    const { status, text } = await check();
    expect(text).toMatch(/^ok +SIP numbers +1 of 1 on the SIP path$/m);
    expect(status).toBe(0);
  });

  it.each(["OPENAI_WEBHOOK_SECRET", "OPENAI_PROJECT_ID"])(
    "fails without %s, and asks nobody",
    async (name) => {
      const { status, text } = await check({ [name]: "" });
      expect(text).toMatch(new RegExp(`^fail +SIP +${name} is not set`, "m"));
      expect(status).toBe(1);
      expect(asked).toEqual([]);
    },
  );

  it("tells Twilio's refusal by its code", async () => {
    answers = {};
    answers["GET /2010-04-01"] = { status: 401, body: { code: 20003, message: "no", status: 401 } };
    const { status, text } = await check();
    expect(text).toMatch(/^fail +SIP numbers +twilio_unauthorized/m);
    expect(status).toBe(1);
  });
});

describe("the signed test event", () => {
  it("is one that OpenAI's own signature check takes, and of a type that nobody uses", async () => {
    answers["POST /openai/webhook"] = { status: 200, body: {} };
    const { status } = await probeWebhook(
      `http://127.0.0.1:${port}/openai/webhook`,
      SECRET,
      Date.now(),
    );
    expect(status).toBe(200);
    const [{ body, headers }] = asked as [Asked];
    const pick = (name: string) => String(headers[name]);
    const signed = {
      "webhook-id": pick("webhook-id"),
      "webhook-timestamp": pick("webhook-timestamp"),
      "webhook-signature": pick("webhook-signature"),
    };
    expect(new Webhook(SECRET).verify(body, signed)).toMatchObject({ type: "murelay.check" });
    expect(() =>
      new Webhook(`whsec_${Buffer.from("another").toString("base64")}`).verify(body, signed),
    ).toThrow();
  });
});
