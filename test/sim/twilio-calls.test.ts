import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CALLERS } from "../../sim/twilio/party.js";
import { sign } from "../../sim/twilio/signature.js";
import { type SimulatedTwilio, startTwilio, type TwilioOptions } from "../../sim/twilio.js";
import { PlainRelay, PUBLIC, STREAM_TWIML } from "./plain-relay.js";

let relay: PlainRelay;
let twilio: SimulatedTwilio;
let relayUrl: string;

beforeEach(async () => {
  relay = new PlainRelay();
  relayUrl = await relay.listen();
});
afterEach(async () => {
  await twilio.close();
  await relay.close();
});

async function start(options: Partial<TwilioOptions> = {}): Promise<void> {
  twilio = await startTwilio({ publicUrl: PUBLIC, relayUrl, speed: 50, ...options });
}

const dial = (noun: string, attributes = "") =>
  `<Dial action="${PUBLIC}/transfer-status" ${attributes}>${noun}</Dial>`;

describe("a simulated call", () => {
  it("asks the voice webhook with a signed form, answers, and reports its end once", async () => {
    relay.paths["/incoming-call"] = '<Say language="en-US">Hello</Say><Pause length="1"/>';
    await start();
    const call = twilio.placeCall({ params: { StirVerstat: "TN-Validation-Passed-A" } });
    await call.ended;
    await twilio.settled();
    const [webhook] = relay.seen;
    expect(webhook?.form).toMatchObject({
      CallSid: call.sid,
      AccountSid: twilio.accountSid,
      CallStatus: "ringing",
      Direction: "inbound",
      StirVerstat: "TN-Validation-Passed-A",
    });
    expect(webhook?.headers["x-twilio-signature"]).toBe(
      sign(twilio.authToken, `${PUBLIC}/incoming-call`, webhook!.form),
    );
    expect(relay.forms("/call-status").map((form) => form["CallStatus"])).toEqual(["completed"]);
    expect(call.events.entries.map(({ kind }) => kind)).toEqual([
      "webhook",
      "twiml",
      "answered",
      "say",
      "pause",
      "ended",
      "status_callback",
    ]);
    expect(twilio.violations()).toEqual([]);
  });

  it("asks by GET where the number says so: all is in the signed query string", async () => {
    relay.paths["/incoming-call"] = "<Hangup/>";
    await start({ voiceMethod: "GET" });
    twilio.numbers[0]!.statusCallbackMethod = "GET";
    const call = twilio.placeCall();
    await call.ended;
    await call.events.until("status_callback");
    const [webhook, status] = relay.seen;
    expect(webhook).toMatchObject({ method: "GET", form: {} });
    expect(webhook!.path).toContain(`/incoming-call?CallSid=${call.sid}`);
    expect(webhook!.headers["x-twilio-signature"]).toBe(
      sign(twilio.authToken, PUBLIC + webhook!.path),
    );
    expect(status).toMatchObject({ method: "GET", form: {} });
    expect(status!.path).toContain("CallStatus=completed");
    expect(twilio.violations()).toEqual([]);
  });

  it("asks by HTTP/1.0 while a test says so", async () => {
    relay.paths["/incoming-call"] = "<Hangup/>";
    await start({ faults: { http10: true } });
    await twilio.placeCall().ended;
    await twilio.settled();
    expect(relay.seen.map(({ httpVersion, path }) => [httpVersion, path])).toEqual([
      ["1.0", "/incoming-call"],
      ["1.0", "/call-status"],
    ]);
    expect(relay.seen[0]!.headers["x-twilio-signature"]).toBe(
      sign(twilio.authToken, `${PUBLIC}/incoming-call`, relay.seen[0]!.form),
    );
    twilio.faults.http10 = false;
    await twilio.placeCall().ended;
    expect(relay.seen[2]!.httpVersion).toBe("1.1");
    expect(twilio.violations()).toEqual([]);
  });

  it("asks everything twice while a test says so", async () => {
    relay.paths["/incoming-call"] = `<Redirect>${PUBLIC}/next</Redirect>`;
    relay.paths["/next"] = "<Hangup/>";
    await start({ faults: { repeatWebhooks: true } });
    await twilio.placeCall().ended;
    expect([relay.forms("/incoming-call").length, relay.forms("/next").length]).toEqual([2, 2]);
  });

  it("does not run TwiML with a parameter over Twilio's limit", async () => {
    relay.paths["/incoming-call"] = STREAM_TWIML.replace("t&amp;1", "t".repeat(500));
    await start();
    const call = twilio.placeCall();
    await call.ended;
    expect(call.events.find("application_error")?.detail).toEqual({ code: 12100 });
    expect(relay.upgrades).toEqual([]);
    expect(call.violations).toEqual([expect.stringContaining("500 characters")]);
  });

  it("hears the keys that a Play sends", async () => {
    relay.paths["/incoming-call"] = '<Play digits="w12#"/>';
    await start();
    const call = twilio.placeCall();
    await call.ended;
    expect(call.digitsHeard).toBe("12#");
    expect(call.events.find("digits")?.detail).toEqual({ digits: "w12#", by: "play" });
  });

  it("is refused by Reject without being answered", async () => {
    relay.paths["/incoming-call"] = '<Reject reason="busy"/>';
    await start();
    const call = twilio.placeCall();
    await call.ended;
    expect(call.status).toBe("busy");
    expect(call.answeredAtMs).toBeNull();
  });

  it("takes bad TwiML for a violation and goes to the fallback URL, then to the application error", async () => {
    relay.paths["/incoming-call"] = "<?xml version='1.0'?><Response><Say>a & b</Say></Response>";
    relay.paths["/fallback"] = "<Say>Sorry.</Say>";
    await start();
    const saved = twilio.placeCall({ fallbackUrl: `${PUBLIC}/fallback` });
    await saved.ended;
    expect(relay.forms("/fallback")[0]).toMatchObject({
      ErrorCode: "12100",
      ErrorUrl: `${PUBLIC}/incoming-call`,
    });
    expect(saved.status).toBe("completed");
    const lost = twilio.placeCall();
    await lost.ended;
    expect(lost.events.find("application_error")?.detail).toEqual({ code: 12100 });
    expect(lost.status).toBe("failed");
    expect(twilio.violations()).toHaveLength(2);
  });

  it.each<[string, string | number, string]>([
    ["an error status", 500, "11200"],
    ["a forbidden status", 403, "11200"],
  ])("falls back on %s", async (_name, answer, code) => {
    relay.paths["/incoming-call"] = answer;
    relay.paths["/fallback"] = "<Hangup/>";
    await start();
    await twilio.placeCall({ fallbackUrl: `${PUBLIC}/fallback` }).ended;
    expect(relay.forms("/fallback")[0]).toMatchObject({ ErrorCode: code });
  });

  it("wants XML to be called XML", async () => {
    relay.paths["/incoming-call"] = "<Hangup/>";
    relay.contentType = "text/html";
    await start();
    const call = twilio.placeCall();
    await call.ended;
    expect(call.violations).toEqual([expect.stringContaining("12300")]);
  });

  it("may ask twice for the same call, when the first answer is lost", async () => {
    relay.paths["/incoming-call"] = "<Hangup/>";
    await start();
    await twilio.placeCall({ repeatWebhook: true }).ended;
    const tokens = relay.seen
      .filter(({ path }) => path === "/incoming-call")
      .map(({ headers }) => headers["i-twilio-idempotency-token"]);
    expect(tokens).toHaveLength(2);
    expect(new Set(tokens).size).toBe(1);
  });

  it("repeats and re-orders callbacks while a test says so", async () => {
    relay.paths["/incoming-call"] = dial(
      `<Number statusCallback="${PUBLIC}/call-status" statusCallbackEvent="initiated ringing answered completed">+15551112222</Number>`,
    );
    relay.paths["/transfer-status"] = "<Hangup/>";
    await start({
      faults: { duplicateCallbacks: true, reorderCallbacks: true },
      callees: () => ({ talkMs: 10 }),
    });
    await twilio.placeCall().ended;
    const sent = () => relay.forms("/call-status").filter((form) => form["To"] === "+15551112222");
    while (sent().length < 8) await new Promise(setImmediate);
    expect(
      sent()
        .map((form) => form["SequenceNumber"])
        .slice(0, 4),
    ).toEqual(["1", "1", "0", "0"]);
  });

  it("counts a callback that is not answered 2xx as a violation", async () => {
    relay.paths["/incoming-call"] = "<Hangup/>";
    relay.paths["/call-status"] = 500;
    await start();
    const call = twilio.placeCall();
    await call.events.until("status_callback");
    expect(call.violations).toEqual(["callback call completed to /call-status was answered 500"]);
  });

  it("runs in a circle only so long", async () => {
    relay.paths["/incoming-call"] = `<Redirect>${PUBLIC}/incoming-call</Redirect>`;
    await start();
    const call = twilio.placeCall();
    await call.ended;
    expect(call.violations).toEqual([expect.stringContaining("runs in a circle")]);
  });

  it("presses keys for a Gather", async () => {
    relay.paths["/incoming-call"] =
      `<Gather action="${PUBLIC}/keys" numDigits="1" timeout="5"><Say>Press 1 to accept.</Say></Gather><Hangup/>`;
    relay.paths["/keys"] = "<Hangup/>";
    await start();
    await twilio.placeCall({ keys: (prompt) => (prompt.includes("accept") ? "1" : null) }).ended;
    expect(relay.forms("/keys")[0]).toMatchObject({ Digits: "1" });
    await twilio.placeCall().ended;
    expect(relay.forms("/keys")).toHaveLength(1);
  });
});

describe("a simulated Dial", () => {
  beforeEach(() => {
    relay.paths["/incoming-call"] = dial("<Number>+15551112222</Number>", 'timeout="1"');
    relay.paths["/transfer-status"] = "<Hangup/>";
  });

  it.each([
    ["answer", "completed", "true"],
    ["busy", "busy", "false"],
    ["failed", "failed", "false"],
    ["no-answer", "no-answer", "false"],
  ] as const)("reports %s as %s", async (outcome, status, bridged) => {
    await start({ callees: () => ({ outcome, talkMs: 10 }) });
    await twilio.placeCall().ended;
    expect(relay.forms("/transfer-status")).toEqual([
      expect.objectContaining({ DialCallStatus: status, DialBridged: bridged }),
    ]);
    expect(twilio.legs[1]).toMatchObject({ to: "+15551112222", status });
  });

  it("rings several at once: the first to answer wins", async () => {
    relay.paths["/incoming-call"] = dial(
      "<Number>+15551112222</Number><Number>+15551113333</Number>",
    );
    await start({ callees: (to) => ({ afterMs: to.endsWith("2") ? 5000 : 5, talkMs: 10 }) });
    await twilio.placeCall().ended;
    expect(twilio.legs.slice(1).map(({ to, status }) => [to, status])).toEqual([
      ["+15551112222", "canceled"],
      ["+15551113333", "completed"],
    ]);
  });

  it("lets the callee hear a whisper first, who may decline", async () => {
    relay.paths["/incoming-call"] = dial(`<Number url="${PUBLIC}/whisper">+15551112222</Number>`);
    relay.paths["/whisper"] =
      `<Gather action="${PUBLIC}/accept" numDigits="1" timeout="5"><Say>Press 1.</Say></Gather><Hangup/>`;
    relay.paths["/accept"] = "<Say>Connecting.</Say>";
    let keys: string | null = "1";
    await start({ callees: () => ({ talkMs: 10, keys: () => keys }) });
    await twilio.placeCall().ended;
    keys = null;
    await twilio.placeCall().ended;
    expect(
      relay.forms("/transfer-status").map((form) => [form["DialCallStatus"], form["DialBridged"]]),
    ).toEqual([
      ["completed", "true"],
      ["no-answer", "false"],
    ]);
  });

  it("sends keys to the callee, once answered and before the whisper", async () => {
    relay.paths["/incoming-call"] = dial(
      `<Number sendDigits="ww4711#" url="${PUBLIC}/whisper">+15551112222</Number>`,
    );
    relay.paths["/whisper"] = "<Say>Connecting.</Say>";
    await start({ callees: () => ({ talkMs: 10 }) });
    await twilio.placeCall().ended;
    const callee = twilio.legs[1]!;
    expect(callee.digitsHeard).toBe("4711#");
    const kinds = callee.events.entries.map(({ kind }) => kind);
    expect(kinds.indexOf("answered")).toBeLessThan(kinds.indexOf("digits"));
    expect(kinds.indexOf("digits")).toBeLessThan(kinds.indexOf("say"));
    expect(twilio.legs[0]!.digitsHeard).toBe("");
    expect(twilio.violations()).toEqual([]);
  });

  it.each([
    ["a SIP caller", CALLERS.sip],
    ["a client", CALLERS.client],
    ["a withheld number", CALLERS.withheld],
    ["a restricted number", CALLERS.restricted],
  ])("of a number is refused without a caller ID for %s (13214)", async (_name, from) => {
    await start({ callees: () => ({ talkMs: 10 }) });
    const call = twilio.placeCall({ from });
    await call.ended;
    expect(call.events.find("dial_refused")?.detail).toEqual({ code: 13214, from });
    expect(relay.forms("/transfer-status")).toEqual([
      expect.objectContaining({ From: from, DialCallStatus: "failed" }),
    ]);
    expect(twilio.legs).toHaveLength(1);
    expect(call.violations).toEqual([expect.stringContaining("13214")]);
  });

  it.each([
    ["a number of the account", "+15550001111"],
    ["a verified number", "+15550009999"],
  ])("of a number goes through for a SIP caller with %s as caller ID", async (_name, callerId) => {
    relay.paths["/incoming-call"] = dial("<Number>+15551112222</Number>", `callerId="${callerId}"`);
    await start({ verifiedNumbers: ["+15550009999"], callees: () => ({ talkMs: 10 }) });
    await twilio.placeCall({ from: CALLERS.sip }).ended;
    expect(twilio.legs[1]).toMatchObject({ from: callerId, status: "completed" });
    expect(twilio.violations()).toEqual([]);
  });

  it("of a number is refused with a caller ID of another account", async () => {
    relay.paths["/incoming-call"] = dial(
      "<Number>+15551112222</Number>",
      'callerId="+15550009999"',
    );
    await start();
    const call = twilio.placeCall();
    await call.ended;
    expect(call.violations).toEqual([expect.stringContaining("13214")]);
  });

  it("is cancelled when the caller hangs up, and asks action all the same", async () => {
    await start({ callees: () => ({ outcome: "no-answer" }) });
    const call = twilio.placeCall();
    await call.events.until("dial");
    call.hangUp();
    await call.ended;
    await twilio.settled();
    expect(twilio.legs[1]?.status).toBe("canceled");
    while (relay.forms("/transfer-status").length === 0) await new Promise(setImmediate);
    expect(relay.forms("/transfer-status")[0]).toMatchObject({
      CallStatus: "completed",
      DialCallStatus: "canceled",
    });
  });

  it("goes on with the next verb when it has no action", async () => {
    relay.paths["/incoming-call"] = "<Dial>+15551112222</Dial><Say>No answer.</Say>";
    await start({ callees: () => ({ outcome: "busy" }) });
    const call = twilio.placeCall();
    await call.ended;
    expect(call.events.find("say")?.detail["text"]).toBe("No answer.");
  });
});

describe("a simulated queue", () => {
  beforeEach(() => {
    relay.paths["/incoming-call"] =
      `<Enqueue action="${PUBLIC}/after" waitUrl="${PUBLIC}/wait">support</Enqueue>`;
    relay.paths["/wait"] = "<Say>Please wait.</Say>";
    relay.paths["/after"] = "<Hangup/>";
  });

  it("tells the position, then bridges an agent", async () => {
    await start({ queueAgents: () => ({ afterMs: 60, talkMs: 10 }) });
    const call = twilio.placeCall();
    await call.ended;
    expect(relay.forms("/wait")[0]).toMatchObject({ QueuePosition: "1", CurrentQueueSize: "1" });
    expect(relay.forms("/after")).toEqual([expect.objectContaining({ QueueResult: "bridged" })]);
    expect(twilio.violations()).toEqual([]);
  });

  it("lets go of a caller whose document says Leave, or Hangup", async () => {
    await start();
    relay.paths["/wait"] = "<Leave/>";
    await twilio.placeCall().ended;
    expect(relay.forms("/after")[0]).toMatchObject({ QueueResult: "leave" });
    relay.paths["/wait"] = "<Hangup/>";
    const call = twilio.placeCall();
    await call.ended;
    expect(call.events.find("queue_left")?.detail["result"]).toBe("hangup");
    expect(twilio.queues.waiting("support")).toBe(0);
  });

  it("makes a task of a workflow", async () => {
    relay.paths["/incoming-call"] =
      `<Enqueue action="${PUBLIC}/after" workflowSid="WW1"><Task priority="5" timeout="60">{"skill":"billing"}</Task></Enqueue>`;
    await start({ queueAgents: () => ({ afterMs: 5, talkMs: 5 }) });
    const call = twilio.placeCall();
    await call.ended;
    expect(twilio.tasks).toEqual([
      expect.objectContaining({
        workflowSid: "WW1",
        callSid: call.sid,
        priority: 5,
        timeoutS: 60,
        attributes: { skill: "billing" },
      }),
    ]);
  });

  it("is left when the caller hangs up", async () => {
    await start();
    const call = twilio.placeCall();
    await call.events.until("queue_wait");
    call.hangUp();
    await call.ended;
    await call.events.until("status_callback", { path: "/after" });
    expect(relay.forms("/after")[0]).toMatchObject({
      QueueResult: "hangup",
      CallStatus: "completed",
    });
    expect(twilio.queues.waiting("support")).toBe(0);
  });
});

describe("a simulated stream in a call", () => {
  it("ends by REST: stop, close, no action, and the new TwiML runs", async () => {
    relay.paths["/incoming-call"] = STREAM_TWIML;
    relay.paths["/connect-ended"] = "<Hangup/>";
    relay.paths["/transfer-status"] = "<Hangup/>";
    await start({ callees: () => ({ talkMs: 5 }) });
    const events: string[] = [];
    relay.onMessage = (message) => events.push(message.event);
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    const closed = new Promise<number>((resolve) => relay.sockets[0]!.once("close", resolve));
    const response = await fetch(
      `${twilio.apiBaseUrl}/2010-04-01/Accounts/${twilio.accountSid}/Calls/${call.sid}.json`,
      {
        method: "POST",
        headers: {
          authorization: `Basic ${btoa(`${twilio.accountSid}:${twilio.authToken}`)}`,
        },
        body: new URLSearchParams({
          Twiml: `<Response>${dial("<Number>+15551112222</Number>")}</Response>`,
        }),
      },
    );
    expect(response.status).toBe(200);
    expect(await closed).toBe(1000);
    await call.ended;
    expect(events.at(-1)).toBe("stop");
    expect(relay.forms("/connect-ended")).toEqual([]);
    expect(relay.forms("/transfer-status")[0]).toMatchObject({ DialCallStatus: "completed" });
    expect(twilio.violations()).toEqual([]);
  });
});
