import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rebase } from "../../../src/adapters/twilio/client.js";
import { createTwilioNumbers } from "../../../src/adapters/twilio/numbers.js";
import { createTwilioRest, twilioSignatureValid } from "../../../src/adapters/twilio/rest.js";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallSid } from "../../../src/domain/ids.js";

const ACCOUNT = `AC${"0".repeat(32)}`;
const CALL = `CA${"1".repeat(32)}` as CallSid;
const BASE = `/2010-04-01/Accounts/${ACCOUNT}`;

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly auth: string;
  readonly form: Readonly<Record<string, string | string[]>>;
}

describe("Twilio REST", () => {
  let server: Server;
  let seen: Seen[];
  let reply: (request: Seen) => { status: number; body: object | string } | null;
  let observed: string[];
  let baseUrl: string;

  beforeEach(async () => {
    seen = [];
    observed = [];
    reply = () => ({ status: 200, body: { sid: CALL, status: "in-progress" } });
    server = createServer(async (request, response) => {
      const one = await read(request);
      seen.push(one);
      const answer = reply(one);
      if (answer === null) return;
      response.writeHead(answer.status, { "content-type": "application/json" });
      response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const account = () => ({
    accountSid: ACCOUNT,
    authToken: "hush-token",
    apiKey: null as string | null,
    apiSecret: null as string | null,
    baseUrl,
  });
  const rest = (extra: object = {}) => {
    let nowMs = 0;
    return createTwilioRest({
      ...account(),
      nowMs: () => (nowMs += 250),
      observe: (operation, outcome, seconds) => observed.push(`${operation} ${outcome} ${seconds}`),
      ...extra,
    });
  };

  it("redirects a call to TwiML", async () => {
    await rest().redirect(CALL, [{ verb: "say", text: "<hi> & bye" }]);
    expect(seen).toEqual([
      {
        method: "POST",
        path: `${BASE}/Calls/${CALL}.json`,
        auth: `${ACCOUNT}:hush-token`,
        form: {
          Twiml:
            '<?xml version="1.0" encoding="UTF-8"?><Response><Say>&lt;hi&gt; &amp; bye</Say></Response>',
        },
      },
    ]);
    expect(observed).toEqual(["calls.redirect ok 0.25"]);
  });

  it("hangs up and asks for the status", async () => {
    await rest().hangUp(CALL);
    expect(await rest().status(CALL)).toBe("in-progress");
    expect(seen.map(({ method, form }) => [method, form])).toEqual([
      ["POST", { Status: "completed" }],
      ["GET", {}],
    ]);
  });

  it("creates calls by URL and by TwiML, with detection in the background", async () => {
    const call = {
      to: "+15551112222",
      from: "+15550001111",
      statusCallback: "https://a/s",
      amdStatusCallback: "https://a/amd",
    };
    expect(
      await rest().createCall({ ...call, url: "https://a/in", fallbackUrl: "https://a/f" }),
    ).toBe(CALL);
    expect(await rest().createCallWithTwiml({ ...call, timeoutS: 15 }, [{ verb: "hangup" }])).toBe(
      CALL,
    );
    expect(seen[0]).toMatchObject({
      path: `${BASE}/Calls.json`,
      form: {
        To: "+15551112222",
        From: "+15550001111",
        Url: "https://a/in",
        FallbackUrl: "https://a/f",
        Timeout: "60",
        StatusCallback: "https://a/s",
        StatusCallbackEvent: ["initiated", "ringing", "answered", "completed"],
        MachineDetection: "Enable",
        AsyncAmd: "true",
        AsyncAmdStatusCallback: "https://a/amd",
      },
    });
    expect(seen[1]?.form).toMatchObject({
      Timeout: "15",
      Twiml: expect.stringContaining("<Hangup/>"),
    });
    expect(seen[1]?.form).not.toHaveProperty("Url");
  });

  it("finds calls to a number since an instant", async () => {
    const sinceEpochMs = Date.UTC(2026, 0, 1, 12);
    const call = (sid: string, minutes: number | null) => ({
      sid,
      status: "ringing",
      start_time: minutes === null ? null : new Date(sinceEpochMs + minutes * 60_000).toUTCString(),
    });
    reply = () => ({
      status: 200,
      body: {
        calls: [call("CAold", -5), call("CAnew", 1), call("CAqueued", null)],
        next_page_uri: null,
      },
    });
    expect(await rest().findCalls("+15551112222", sinceEpochMs)).toEqual([
      { sid: "CAnew", status: "ringing" },
      { sid: "CAqueued", status: "ringing" },
    ]);
    expect(seen[0]?.path).toMatch(/To=%2B15551112222/);
    expect(seen[0]?.path).toMatch(/StartTime%3E=2026-01-01T12%3A00%3A00/);
  });

  it("works on conferences by name and participants by label", async () => {
    reply = () => ({
      status: 200,
      body: { call_sid: CALL, conference_sid: "CF1", label: "human" },
    });
    const joined = await rest().createParticipant({
      conference: "room-1",
      to: "client:anna",
      from: "+15550001111",
      label: "human",
      timeoutS: 20,
      earlyMedia: false,
      endConferenceOnExit: true,
      startConferenceOnEnter: false,
      conferenceStatusCallback: "https://a/c",
    });
    expect(joined).toEqual({ callSid: CALL, conferenceSid: "CF1" });
    await rest().updateParticipant("room-1", "human", { hold: true, announceUrl: "https://a/x" });
    await rest().removeParticipant("room-1", "human");
    await rest().endConference("room-1");
    expect(seen.map(({ method, path }) => `${method} ${path.slice(BASE.length)}`)).toEqual([
      "POST /Conferences/room-1/Participants.json",
      "POST /Conferences/room-1/Participants/human.json",
      "DELETE /Conferences/room-1/Participants/human.json",
      "POST /Conferences/room-1.json",
    ]);
    expect(seen[0]?.form).toMatchObject({
      Label: "human",
      EarlyMedia: "false",
      EndConferenceOnExit: "true",
      StartConferenceOnEnter: "false",
      Timeout: "20",
    });
    expect(seen[1]?.form).toEqual({ Hold: "true", AnnounceUrl: "https://a/x" });
  });

  it.each([true, false])("asks whether a participant is on hold: %s", async (hold) => {
    reply = () => ({ status: 200, body: { label: "human", hold } });
    expect(await rest().isOnHold("room-1", "human")).toBe(hold);
    expect(seen.map(({ method, path }) => `${method} ${path.slice(BASE.length)}`)).toEqual([
      "GET /Conferences/room-1/Participants/human.json",
    ]);
  });

  it("starts a recording", async () => {
    reply = () => ({ status: 201, body: { sid: "RE1" } });
    expect(await rest().startRecording(CALL, "dual", "https://a/r")).toBe("RE1");
    expect(seen[0]).toMatchObject({
      path: `${BASE}/Calls/${CALL}/Recordings.json`,
      form: { RecordingChannels: "dual", RecordingStatusCallback: "https://a/r" },
    });
  });

  it("uses an API key where there is one", async () => {
    await rest({ apiKey: "SK1", apiSecret: "hush-secret" }).hangUp(CALL);
    expect(seen[0]).toMatchObject({ auth: "SK1:hush-secret", path: `${BASE}/Calls/${CALL}.json` });
  });

  it("lets no stray edge or region of the environment in", async () => {
    const before = { edge: process.env["TWILIO_EDGE"], region: process.env["TWILIO_REGION"] };
    process.env["TWILIO_EDGE"] = "sydney";
    process.env["TWILIO_REGION"] = "au1";
    try {
      await rest({ baseUrl: `${baseUrl}/proxy/` }).hangUp(CALL);
      expect(seen[0]?.path).toBe(`/proxy${BASE}/Calls/${CALL}.json`);
    } finally {
      for (const [name, value] of [
        ["TWILIO_EDGE", before.edge],
        ["TWILIO_REGION", before.region],
      ] as const) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });

  it.each([
    [400, 21220, "caller_gone", false],
    [404, 20404, "caller_gone", false],
    [401, 20003, "twilio_unauthorized", false],
    [400, 21211, "twilio_rejected", false],
    [403, 20003, "twilio_rejected", false],
    [500, 20500, "twilio_unavailable", true],
    [503, undefined, "twilio_unavailable", true],
  ])("HTTP %i, code %s is %s", async (status, code, expected, retryable) => {
    reply = () => ({ status, body: { code, message: "no +15551112222 for you", status } });
    const failure = await rest()
      .redirect(CALL, [])
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RelayError);
    expect(failure).toMatchObject({ code: expected, retryable });
    expect(describe_(failure)).not.toMatch(/5551112222|hush/);
    expect(observed).toEqual([`calls.redirect ${expected} 0.25`]);
  });

  it("tries a refused request again, since nothing was done, and in the end says busy", async () => {
    let left = 2;
    reply = () =>
      left-- > 0
        ? { status: 429, body: { code: 20429, status: 429 } }
        : { status: 200, body: { sid: CALL } };
    await rest().hangUp(CALL);
    expect(seen).toHaveLength(3);
    reply = () => ({ status: 429, body: { code: 20429, status: 429 } });
    await expect(rest().hangUp(CALL)).rejects.toMatchObject({
      code: "twilio_busy",
      retryable: true,
    });
  });

  it("fails with twilio_timeout when no answer comes in time", async () => {
    reply = () => null;
    const failure = await rest({ timeoutMs: 50 })
      .hangUp(CALL)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "twilio_timeout", retryable: true });
    expect(describe_(failure)).not.toContain("hush");
  });

  it("fails with twilio_timeout when an answer begins and does not end in time", async () => {
    server.removeAllListeners("request");
    server.on("request", (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const drip = setInterval(() => response.write(" "), 5);
      response.on("close", () => clearInterval(drip));
    });
    await expect(rest({ timeoutMs: 100 }).hangUp(CALL)).rejects.toMatchObject({
      code: "twilio_timeout",
      retryable: true,
    });
  });

  it("fails with twilio_unavailable when an answer is longer than any of Twilio's", async () => {
    reply = () => ({ status: 200, body: " ".repeat(17 * 1024 * 1024) });
    await expect(rest().hangUp(CALL)).rejects.toMatchObject({ code: "twilio_unavailable" });
  });

  it("fails with twilio_unavailable when nothing listens", async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    await expect(rest().hangUp(CALL)).rejects.toMatchObject({
      code: "twilio_unavailable",
      retryable: true,
    });
  });

  it.each([
    ["no SID", { status: 200, body: {} }],
    ["something that is not JSON", { status: 200, body: "<html>" }],
  ])("rejects an answer that holds %s", async (_name, answer) => {
    reply = () => answer;
    const call = {
      to: "+15551112222",
      from: "+15550001111",
      statusCallback: "https://a",
      url: "https://a",
    };
    await expect(rest().createCall(call)).rejects.toBeInstanceOf(RelayError);
  });

  it("shortens what is said rather than send TwiML that Twilio refuses for its length", async () => {
    await rest().redirect(CALL, [{ verb: "say", text: "x".repeat(4000) }, { verb: "hangup" }]);
    const twiml = String(seen[0]?.form["Twiml"]);
    expect(twiml.length).toBeLessThanOrEqual(4000);
    expect(twiml).toMatch(/<Say>x{3000,}…<\/Say><Hangup\/>/);
  });

  it("sends nothing that is too long without a word", async () => {
    const url = `https://a/${"x".repeat(4000)}`;
    await expect(rest().redirect(CALL, [{ verb: "redirect", url }])).rejects.toMatchObject({
      code: "twilio_rejected",
    });
    expect(seen).toEqual([]);
  });

  it("sends digits once the number has answered", async () => {
    const call = { to: "+15551112222", from: "+15550001111", statusCallback: "https://a" };
    await rest().createCallWithTwiml({ ...call, sendDigits: "ww12#" }, [{ verb: "hangup" }]);
    await rest().createCallWithTwiml(call, [{ verb: "hangup" }]);
    expect(seen[0]?.form["SendDigits"]).toBe("ww12#");
    expect(seen[1]?.form).not.toHaveProperty("SendDigits");
  });

  it("finds and points numbers", async () => {
    const number = {
      sid: "PN1",
      phone_number: "+15550001111",
      voice_url: "https://old",
      voice_fallback_url: null,
      status_callback: "",
      voice_method: "GET",
      voice_application_sid: null,
      trunk_sid: "TK1",
    };
    reply = ({ path }) =>
      path.includes("IncomingPhoneNumbers.json")
        ? { status: 200, body: { incoming_phone_numbers: [number], next_page_uri: null } }
        : { status: 200, body: { sid: "PN1", status: "active" } };
    const numbers = createTwilioNumbers(account(), () => 0);
    expect(await numbers.list("+15550001111")).toEqual([
      {
        sid: "PN1",
        e164: "+15550001111",
        voiceUrl: "https://old",
        voiceFallbackUrl: "",
        statusCallback: "",
        voiceMethod: "GET",
        voiceFallbackMethod: "POST",
        statusCallbackMethod: "POST",
        takenBy: "TK1",
      },
    ]);
    await numbers.point("PN1", {
      voiceUrl: "https://v",
      voiceFallbackUrl: "https://f",
      statusCallback: "https://s",
      voiceMethod: "POST",
      voiceFallbackMethod: "POST",
      statusCallbackMethod: "POST",
    });
    expect(seen.at(-1)).toMatchObject({
      path: `${BASE}/IncomingPhoneNumbers/PN1.json`,
      form: {
        VoiceUrl: "https://v",
        VoiceFallbackUrl: "https://f",
        StatusCallback: "https://s",
        VoiceMethod: "POST",
      },
    });
    expect(await numbers.accountStatus()).toBe("active");
  });
});

describe("rebase", () => {
  it.each([
    [
      "https://api.twilio.com/2010-04-01/x.json?a=1",
      "https://api.twilio.com",
      "https://api.twilio.com/2010-04-01/x.json?a=1",
    ],
    [
      "https://taskrouter.twilio.com/v1/x",
      "https://api.twilio.com",
      "https://taskrouter.twilio.com/v1/x",
    ],
    [
      "https://taskrouter.twilio.com/v1/x",
      "https://api.dublin.ie1.twilio.com",
      "https://taskrouter.dublin.ie1.twilio.com/v1/x",
    ],
    [
      "https://taskrouter.twilio.com/v1/x?a=b",
      "http://127.0.0.1:4010",
      "http://127.0.0.1:4010/v1/x?a=b",
    ],
    [
      "https://api.twilio.com/x",
      "https://proxy.example.com/twilio",
      "https://proxy.example.com/twilio/x",
    ],
    // Not a host of Twilio's, whatever it ends in.
    ["https://api.twilio.com/x", "https://eviltwilio.com", "https://eviltwilio.com/x"],
  ])("%s on %s", (uri, base, expected) => expect(rebase(uri, new URL(base))).toBe(expected));
});

describe("twilioSignatureValid", () => {
  // The example of twilio.com/docs/usage/security.
  const URL_ = "https://mycompany.com/myapp.php?foo=1&bar=2";
  const PARAMS = {
    CallSid: "CA1234567890ABCDE",
    Caller: "+12349013030",
    Digits: "1234",
    From: "+12349013030",
    To: "+18005551212",
  };
  const SIGNATURE = "0/KCTR6DLpKmkAf8muzZqo1nDgQ=";

  it("accepts Twilio's own example", () => {
    expect(twilioSignatureValid(["12345"], SIGNATURE, URL_, PARAMS)).toBe(true);
    expect(twilioSignatureValid(["other", "12345"], SIGNATURE, URL_, PARAMS)).toBe(true);
  });

  it.each([
    ["another token", ["54321"], SIGNATURE, URL_, PARAMS],
    ["no token", [], SIGNATURE, URL_, PARAMS],
    ["no signature", ["12345"], "", URL_, PARAMS],
    ["a cut signature", ["12345"], SIGNATURE.slice(0, -2), URL_, PARAMS],
    ["another path", ["12345"], SIGNATURE, URL_.replace("myapp", "other"), PARAMS],
    ["another query", ["12345"], SIGNATURE, `${URL_}&x=1`, PARAMS],
    ["a field more", ["12345"], SIGNATURE, URL_, { ...PARAMS, Extra: "1" }],
    ["a changed field", ["12345"], SIGNATURE, URL_, { ...PARAMS, From: "+1" }],
  ])("refuses %s", (_name, tokens, signature, url, params) => {
    expect(twilioSignatureValid(tokens, signature, url, params)).toBe(false);
  });
});

async function read(request: IncomingMessage): Promise<Seen> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const fields = new URLSearchParams(body);
  const auth = Buffer.from(
    request.headers.authorization?.slice("Basic ".length) ?? "",
    "base64",
  ).toString();
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    auth,
    form: Object.fromEntries(
      [...new Set(fields.keys())].map((name) => {
        const all = fields.getAll(name);
        return [name, all.length === 1 ? (all[0] ?? "") : all];
      }),
    ),
  };
}

/** All of a failure that a log could come to hold. */
function describe_(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause)
    parts.push(at.message, at.stack ?? "", JSON.stringify(at, Object.getOwnPropertyNames(at)));
  return parts.join("\n");
}
