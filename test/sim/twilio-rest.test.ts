import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedTwilio, startTwilio, type TwilioOptions } from "../../sim/twilio.js";
import { PlainRelay, PUBLIC, STREAM_TWIML } from "./plain-relay.js";

let relay: PlainRelay;
let twilio: SimulatedTwilio;
let relayUrl: string;

beforeEach(async () => {
  relay = new PlainRelay();
  relay.paths["/incoming-call"] = STREAM_TWIML;
  relay.paths["/connect-ended"] = "<Hangup/>";
  relay.paths["/answered"] = '<Pause length="600"/>';
  relayUrl = await relay.listen();
});
afterEach(async () => {
  await twilio.close();
  await relay.close();
});

async function start(options: Partial<TwilioOptions> = {}): Promise<void> {
  twilio = await startTwilio({ publicUrl: PUBLIC, relayUrl, ...options });
}

async function rest(
  method: string,
  path: string,
  form: Record<string, string> | [string, string][] = {},
  secret?: string,
) {
  const query = method === "GET" ? `?${new URLSearchParams(form)}` : "";
  const response = await fetch(
    `${twilio.apiBaseUrl}/2010-04-01/Accounts/${twilio.accountSid}${path}${query}`,
    {
      method,
      headers: {
        authorization: `Basic ${btoa(`${twilio.accountSid}:${secret ?? twilio.authToken}`)}`,
      },
      ...(method === "POST" ? { body: new URLSearchParams(form) } : {}),
    },
  );
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: read by the test
  return { status: response.status, json: (text === "" ? null : JSON.parse(text)) as any };
}

const callees = () => ({ talkMs: 60_000 });
const create = { To: "+15557770001", From: "+15550001111", Url: `${PUBLIC}/answered` };

describe("simulated REST", () => {
  it("wants credentials, and takes API keys", async () => {
    await start({ apiKeys: { SK1: "secret" } });
    expect(await rest("GET", "/Calls.json", {}, "wrong")).toMatchObject({
      status: 401,
      json: { code: 20003 },
    });
    const byKey = await fetch(
      `${twilio.apiBaseUrl}/2010-04-01/Accounts/${twilio.accountSid}.json`,
      {
        headers: { authorization: `Basic ${btoa("SK1:secret")}` },
      },
    );
    expect(byKey.status).toBe(200);
  });

  it("shows, updates and ends a call, and says 21220 once it is over", async () => {
    await start();
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    expect((await rest("GET", `/Calls/${call.sid}.json`)).json).toMatchObject({
      sid: call.sid,
      status: "in-progress",
      direction: "inbound",
      end_time: null,
    });
    expect(
      (await rest("POST", `/Calls/${call.sid}.json`, { Status: "completed" })).json.status,
    ).toBe("completed");
    await call.ended;
    for (const form of [{ Status: "completed" }, { Twiml: "<Response/>" }])
      expect(await rest("POST", `/Calls/${call.sid}.json`, form)).toMatchObject({
        status: 400,
        json: {
          code: 21220,
          status: 400,
          more_info: expect.any(String),
          message: expect.any(String),
        },
      });
    expect((await rest("GET", "/Calls/CAnone.json")).json.code).toBe(20404);
  });

  it("refuses what Twilio refuses in an update", async () => {
    await start();
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    const path = `/Calls/${call.sid}.json`;
    expect((await rest("POST", path, { Url: `${PUBLIC}/x`, Twiml: "<Response/>" })).status).toBe(
      400,
    );
    expect((await rest("POST", path, { Url: "/x" })).status).toBe(400);
    expect(
      (await rest("POST", path, { Twiml: `<Response>${"x".repeat(4000)}</Response>` })).status,
    ).toBe(400);
    expect((await rest("POST", path, { Twimlx: "<Response/>" })).status).toBe(400);
    expect((await rest("POST", path, {})).status).toBe(400);
    expect(call.status).toBe("in-progress");
    expect((await rest("POST", path, { Twiml: "<Response><Bogus/></Response>" })).status).toBe(200);
    await call.ended;
    expect(call.violations).toEqual([expect.stringContaining("<Bogus> is not known")]);
  });

  it("creates a call: rings, answers, tells it in order, and runs the URL", async () => {
    await start({ callees });
    const events = ["initiated", "ringing", "answered", "completed"].map(
      (event): [string, string] => ["StatusCallbackEvent", event],
    );
    const { status, json } = await rest("POST", "/Calls.json", [
      ...Object.entries(create),
      ["StatusCallback", `${PUBLIC}/call-status`],
      ...events,
    ]);
    expect(status).toBe(201);
    expect(json).toMatchObject({ status: "queued", direction: "outbound-api" });
    const leg = twilio.leg(json.sid)!;
    await leg.events.until("pause");
    expect(relay.forms("/answered")[0]).toMatchObject({
      CallSid: json.sid,
      CallStatus: "in-progress",
    });
    leg.hangUp();
    await leg.events.until("status_callback", { what: "call completed" });
    expect(
      relay
        .forms("/call-status")
        .toSorted((a, b) => Number(a["SequenceNumber"]) - Number(b["SequenceNumber"]))
        .map((form) => form["CallStatus"]),
    ).toEqual(["initiated", "ringing", "in-progress", "completed"]);
    expect((await rest("GET", "/Calls.json", { To: create.To })).json.calls).toHaveLength(1);
    expect((await rest("GET", "/Calls.json", { To: "+15550000000" })).json.calls).toEqual([]);
  });

  it.each([
    ["a To that is no number", { ...create, To: "555" }, 21211],
    ["no From", { To: create.To, Url: create.Url }, 21213],
    ["a From that is no number", { ...create, From: "555" }, 21212],
    ["a From of another account", { ...create, From: "+15550002222" }, 21210],
    ["neither Url nor Twiml", { To: create.To, From: create.From }, 21205],
    ["an unknown parameter", { ...create, Hello: "1" }, 20001],
  ])("refuses to create a call with %s", async (_name, form, code) => {
    await start({ callees });
    expect(await rest("POST", "/Calls.json", form)).toMatchObject({ status: 400, json: { code } });
    expect(twilio.legs).toEqual([]);
  });

  it("detects machines beside the call when asyncAmd is the text true", async () => {
    await start({ callees: () => ({ answeredBy: "machine_start" as const, talkMs: 60_000 }) });
    const { json } = await rest("POST", "/Calls.json", {
      ...create,
      MachineDetection: "Enable",
      AsyncAmd: "true",
      AsyncAmdStatusCallback: `${PUBLIC}/amd-status`,
    });
    await twilio.leg(json.sid)!.events.until("status_callback", { what: "amd" });
    expect(relay.forms("/amd-status")[0]).toMatchObject({
      CallSid: json.sid,
      AnsweredBy: "machine_start",
    });
    expect(relay.forms("/answered")[0]?.["AnsweredBy"]).toBeUndefined();
    const sync = await rest("POST", "/Calls.json", { ...create, MachineDetection: "Enable" });
    await twilio.leg(sync.json.sid)!.events.until("pause");
    expect(relay.forms("/answered")[1]).toMatchObject({ AnsweredBy: "machine_start" });
  });

  it("finds the beep of an answering machine, where it is asked to wait for it", async () => {
    const machine = { greetingMs: 300 };
    await start({ callees: () => ({ machine, talkMs: 60_000 }) });
    const detect = async (mode: string) => {
      const { json } = await rest("POST", "/Calls.json", {
        ...create,
        MachineDetection: mode,
        AsyncAmd: "true",
        AsyncAmdStatusCallback: `${PUBLIC}/amd-status`,
      });
      const leg = twilio.leg(json.sid)!;
      await leg.events.until("status_callback", { what: "amd" });
      const form = relay.forms("/amd-status").find(({ CallSid }) => CallSid === leg.sid);
      return {
        leg,
        answeredBy: form?.["AnsweredBy"],
        ms: Number(form?.["MachineDetectionDuration"]),
      };
    };
    expect(await detect("Enable")).toMatchObject({ answeredBy: "machine_start", ms: 300 });
    const { leg, answeredBy, ms } = await detect("DetectMessageEnd");
    expect(answeredBy).toBe("machine_end_beep");
    // Greeting, beep, result.
    expect(ms).toBe(300 + 500 + 100);
    expect(leg.recordsFromMs).toBe(leg.answeredAtMs! + 800);
  });

  it("sends keys into a created call before its TwiML, and then detects no machine", async () => {
    await start({ callees, speed: 50 });
    const { json } = await rest("POST", "/Calls.json", {
      ...create,
      SendDigits: "ww12#",
      MachineDetection: "Enable",
    });
    const leg = twilio.leg(json.sid)!;
    await leg.events.until("pause");
    expect(leg.digitsHeard).toBe("12#");
    expect(leg.events.find("digits")!.atMs).toBeLessThan(leg.events.find("pause")!.atMs);
    expect(leg.answeredBy).toBeNull();
  });

  it.each([
    ["429", 429, 20429],
    ["500", 500, 20500],
    ["404", 404, 20404],
    ["401", 401, 20003],
    ["21220", 400, 21220],
  ] as const)("fails by switch with %s, as often as it says", async (kind, status, code) => {
    await start();
    twilio.failRest({ operation: "numbers.list", kind, times: 2 });
    for (let i = 0; i < 2; i++)
      expect(await rest("GET", "/IncomingPhoneNumbers.json")).toMatchObject({
        status,
        json: { code },
      });
    expect((await rest("GET", "/IncomingPhoneNumbers.json")).status).toBe(200);
  });

  it("can answer as usual and do nothing", async () => {
    await start({ callees });
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    const twiml = { Twiml: "<Response><Hangup/></Response>" };
    twilio.failRest({ kind: "200_ignored", times: 3 });
    const updated = await rest("POST", `/Calls/${call.sid}.json`, twiml);
    expect(updated).toMatchObject({ status: 200, json: { sid: call.sid, status: "in-progress" } });
    expect((await rest("POST", "/Calls.json", create)).json.status).toBe("queued");
    const recording = await rest("POST", `/Calls/${call.sid}/Recordings.json`);
    expect(recording).toMatchObject({ status: 201, json: { status: "in-progress" } });
    expect(twilio.legs).toEqual([call]);
    expect(call.over).toBe(false);
    expect(call.events.all("recording")).toEqual([]);
    await rest("POST", `/Calls/${call.sid}.json`, twiml);
    await call.ended;
  });

  it("can fail at the start of a recording, or once it has begun", async () => {
    await start();
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    const path = `/Calls/${call.sid}/Recordings.json`;
    twilio.failRest({ operation: "recordings.create", kind: "500" });
    expect((await rest("POST", path)).status).toBe(500);
    expect(call.events.all("recording")).toEqual([]);
    twilio.failRest({ operation: "recordings.create", kind: "500_after" });
    expect((await rest("POST", path)).status).toBe(500);
    expect(call.events.all("recording")).toHaveLength(1);
  });

  it("can carry out a request and never say so", async () => {
    await start({ callees });
    twilio.failRest({ operation: "calls.create", kind: "timeout_after" });
    twilio.failRest({ operation: "calls.create", kind: "timeout_before" });
    for (let i = 0; i < 2; i++)
      await expect(
        fetch(`${twilio.apiBaseUrl}/2010-04-01/Accounts/${twilio.accountSid}/Calls.json`, {
          method: "POST",
          headers: { authorization: `Basic ${btoa(`${twilio.accountSid}:${twilio.authToken}`)}` },
          body: new URLSearchParams(create),
          signal: AbortSignal.timeout(100),
        }),
      ).rejects.toThrow();
    expect(twilio.legs).toHaveLength(1);
    twilio.failRest({ kind: "reset" });
    await expect(rest("GET", "/Calls.json")).rejects.toThrow();
  });

  it("lists and changes numbers", async () => {
    await start({ numbers: ["+15550001111", "+15550002222"] });
    const { json } = await rest("GET", "/IncomingPhoneNumbers.json", {
      PhoneNumber: "+15550002222",
    });
    const [number] = json.incoming_phone_numbers;
    expect(number).toMatchObject({
      phone_number: "+15550002222",
      voice_url: `${PUBLIC}/incoming-call`,
    });
    const changed = await rest("POST", `/IncomingPhoneNumbers/${number.sid}.json`, {
      VoiceUrl: `${PUBLIC}/other`,
    });
    expect(changed.json.voice_url).toBe(`${PUBLIC}/other`);
    relay.paths["/other"] = "<Hangup/>";
    await twilio.placeCall({ to: "+15550002222" }).ended;
    expect(relay.forms("/other")).toHaveLength(1);
  });
});

describe("simulated conferences", () => {
  const conference = (label: string, more = "") =>
    `<Dial action="${PUBLIC}/after"><Conference participantLabel="${label}" statusCallback="${PUBLIC}/conference-events" ` +
    `statusCallbackEvent="start end join leave hold announcement" ${more}>call</Conference></Dial>`;

  beforeEach(() => {
    relay.paths["/incoming-call"] = conference("caller");
    relay.paths["/after"] = "<Hangup/>";
  });

  it("take participants by name, tell every step in order, and end when the moderator leaves", async () => {
    await start({ callees });
    const caller = twilio.placeCall();
    await caller.events.until("conference_joined");
    const added = await rest("POST", "/Conferences/call/Participants.json", {
      From: "+15550001111",
      To: "+15557770001",
      Label: "target",
      EndConferenceOnExit: "true",
    });
    expect(added).toMatchObject({ status: 201, json: { label: "target", status: "queued" } });
    const target = twilio.leg(added.json.call_sid)!;
    await target.events.until("conference_joined");
    const held = await rest("POST", "/Conferences/call/Participants/caller.json", { Hold: "true" });
    expect(held.json).toMatchObject({ call_sid: caller.sid, hold: true });
    expect(
      (await rest("GET", "/Conferences/call/Participants.json")).json.participants,
    ).toHaveLength(2);
    target.hangUp();
    await caller.ended;
    await twilio.settled();
    expect(relay.forms("/after")[0]).toMatchObject({ DialCallStatus: "answered" });
    const events = relay
      .forms("/conference-events")
      .toSorted((a, b) => Number(a["SequenceNumber"]) - Number(b["SequenceNumber"]));
    expect(events.map((form) => [form["StatusCallbackEvent"], form["ParticipantLabel"]])).toEqual([
      ["participant-join", "caller"],
      ["participant-join", "target"],
      ["conference-start", undefined],
      ["participant-hold", "caller"],
      ["participant-leave", "target"],
      ["participant-leave", "caller"],
      ["conference-end", undefined],
    ]);
    expect(events.at(4)).toMatchObject({ ReasonParticipantLeft: "participant_hung_up" });
    expect((await rest("POST", "/Conferences/call.json", { Status: "completed" })).status).toBe(
      404,
    );
    expect(
      (await rest("GET", "/Conferences.json", { FriendlyName: "call" })).json.conferences,
    ).toEqual([]);
    expect(
      (await rest("GET", "/Conferences.json", { FriendlyName: "call", Status: "completed" })).json
        .conferences,
    ).toHaveLength(1);
  });

  it("lose a participant who is kicked, or given other TwiML", async () => {
    await start({ callees });
    const caller = twilio.placeCall();
    await caller.events.until("conference_joined");
    const other = twilio.placeCall({ from: "+15550100002" });
    await other.events.until("conference_joined");
    const kicked = await rest("DELETE", `/Conferences/call/Participants/${other.sid}.json`);
    expect(kicked.status).toBe(204);
    await other.ended;
    await rest("POST", `/Calls/${caller.sid}.json`, {
      Twiml: "<Response><Say>Bye</Say></Response>",
    });
    await caller.ended;
    expect(caller.events.find("conference_left")?.detail["reason"]).toBe(
      "participant_updated_via_api",
    );
    expect(caller.events.find("say")?.detail["text"]).toBe("Bye");
    expect((await rest("DELETE", "/Conferences/call/Participants/unknown.json")).status).toBe(404);
  });
});

describe("simulated recordings", () => {
  it("hold both sides; the media comes a little after the callback", async () => {
    await start({ recordingMediaDelayMs: 300 });
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    const { json } = await rest("POST", `/Calls/${call.sid}/Recordings.json`, {
      RecordingChannels: "dual",
      RecordingStatusCallback: `${PUBLIC}/recording-status`,
    });
    expect(json).toMatchObject({ channels: 2, status: "in-progress" });
    await call.say(speechLike(100));
    call.hangUp();
    await call.events.until("status_callback", { what: "recording completed" });
    const [form] = relay.forms("/recording-status");
    expect(form).toMatchObject({
      RecordingSid: json.sid,
      RecordingStatus: "completed",
      RecordingChannels: "2",
    });
    const media = () =>
      fetch(`${form!["RecordingUrl"]}.wav`, {
        headers: { authorization: `Basic ${btoa(`${twilio.accountSid}:${twilio.authToken}`)}` },
      });
    expect((await media()).status).toBe(404);
    let answer = await media();
    while (answer.status === 404) answer = await media();
    const wav = Buffer.from(await answer.arrayBuffer());
    expect(wav.toString("latin1", 0, 4)).toBe("RIFF");
    expect(wav.length).toBeGreaterThan(44 + 80 * 8 * 4);
    expect((await rest("POST", `/Calls/${call.sid}/Recordings.json`, {})).json.code).toBe(21220);
  });
});
