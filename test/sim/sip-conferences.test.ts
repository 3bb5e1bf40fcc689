import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { realClock } from "../../sim/clock.js";
import { ConnectionLog } from "../../sim/connection-log.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import { Trunk } from "../../sim/sip/trunk.js";
import type { Party } from "../../sim/twilio/party.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { ModelClient } from "./model-client.js";
import { PlainRelay, PUBLIC } from "./plain-relay.js";

const ACCEPT = { type: "realtime", model: "gpt-realtime-2.1", instructions: "Be brief." };
const TARGET = "+15557770001";

let model: SimulatedModel;
let relay: PlainRelay;
let twilio: SimulatedTwilio;
let target: Party = {};

beforeEach(async () => {
  target = {};
  model = await startModel({ script: { turns: [{ say: "Hello." }] }, sip: { playSpeed: 4 } });
  relay = new PlainRelay();
  const relayUrl = await relay.listen();
  model.sip.deliverTo(`${relayUrl}/openai/webhook`);
  twilio = await startTwilio({
    publicUrl: PUBLIC,
    relayUrl,
    speed: 50,
    sip: model.sip.invite,
    callees: () => target,
  });
  relay.paths["/incoming-call"] = conference();
  relay.paths["/after"] = "<Hangup/>";
});
afterEach(async () => {
  await twilio.close();
  await model.close();
  await relay.close();
});

const conference = (more = "") =>
  `<Dial action="${PUBLIC}/after"><Conference participantLabel="customer" endConferenceOnExit="true" ${more}>call</Conference></Dial>`;

async function rest(method: string, path: string, form: Record<string, string> = {}) {
  const url = `${twilio.apiBaseUrl}/2010-04-01/Accounts/${twilio.accountSid}${path}`;
  const reply = await fetch(url, {
    method,
    headers: { authorization: `Basic ${btoa(`${twilio.accountSid}:${twilio.authToken}`)}` },
    ...(method === "POST" ? { body: new URLSearchParams(form) } : {}),
  });
  const text = await reply.text();
  return { status: reply.status, json: text === "" ? null : JSON.parse(text) };
}

const add = (more: Record<string, string>) =>
  rest("POST", "/Conferences/call/Participants.json", { From: "+15550001111", ...more });

const addModel = (headers = "", more: Record<string, string> = {}) =>
  add({ To: model.sip.address + headers, Label: "virtual agent", EarlyMedia: "false", ...more });

async function accept(index = 0) {
  const call = await model.sip.call(index);
  await fetch(`${model.baseUrl}/realtime/calls/${call.id}/accept`, {
    method: "POST",
    headers: { authorization: `Bearer ${model.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(ACCEPT),
  });
  return call;
}

/** A caller and the model in one conference. */
async function together() {
  const caller = twilio.placeCall();
  await caller.events.until("conference_joined");
  const added = await addModel();
  const call = await accept();
  const leg = twilio.leg(added.json.call_sid)!;
  await leg.events.until("conference_joined");
  return { caller, call, leg };
}

describe("the model's SIP address in a simulated conference", () => {
  it("is invited with the headers of the URI, and joins when it accepts", async () => {
    const caller = twilio.placeCall();
    await caller.events.until("conference_joined");
    expect(twilio.connections.now(caller.sid)).toMatchObject({
      live: true,
      with: [],
      sound: "music",
    });
    const added = await addModel("?X-Token=a%2Bb.c&X-Lang=en");
    const call = await accept();
    expect(call.header("x-token")).toBe("a+b.c");
    expect(call.header("X-Twilio-CallSid")).toBe(added.json.call_sid);
    expect(call.uri).toBe(model.sip.address);
    await twilio.leg(added.json.call_sid)!.events.until("conference_joined");
    expect(twilio.connections.now(caller.sid)).toMatchObject({
      with: ["virtual agent"],
      sound: null,
    });
  });

  it("is heard to speak, hears the caller and gets the keys", async () => {
    const { caller, call } = await together();
    const client = ModelClient.dial(model, `?call_id=${call.id}`);
    await client.next("session.created");
    client.send({ type: "response.create" });
    await client.next("output_audio_buffer.started");
    expect(twilio.connections.now(caller.sid).talking).toEqual(["virtual agent"]);
    await client.next("output_audio_buffer.stopped");
    expect(twilio.connections.now(caller.sid).talking).toEqual([]);
    await caller.press("0");
    await client.next("input_audio_buffer.dtmf_event_received");
    await caller.say(speechLike(300));
    await client.next("input_audio_buffer.speech_started");
    await client.next("response.done");
    expect(twilio.violations().concat(model.violations())).toEqual([]);
  });

  it("does not hear a caller on hold, who hears music", async () => {
    const { caller, call } = await together();
    await rest("POST", "/Conferences/call/Participants/customer.json", { Hold: "true" });
    expect(twilio.connections.now(caller.sid)).toMatchObject({ with: [], sound: "music" });
    const before = call.session!.speech.length;
    await caller.say(speechLike(200));
    expect(call.session!.speech.length).toBe(before);
    await rest("POST", "/Conferences/call/Participants/customer.json", { Hold: "false" });
    expect(twilio.connections.now(caller.sid)).toMatchObject({
      with: ["virtual agent"],
      sound: null,
    });
  });

  it("has a coach beside it whom the coached participant hears, and no other", async () => {
    await together();
    const member = async (form: Record<string, string>) => {
      const heard: Uint8Array[] = [];
      target = { hears: (frame) => heard.push(Uint8Array.from(frame)) };
      const added = await add({ To: TARGET, ...form });
      const leg = twilio.leg(added.json.call_sid)!;
      await leg.events.until("conference_joined");
      return { leg, sid: leg.sid, sound: () => Buffer.concat(heard) };
    };
    const [coached, other] = [await member({}), await member({})];
    const coach = await member({
      Label: "coach",
      Coaching: "true",
      CallSidToCoach: coached.sid,
    });
    const [aside, aloud] = [speechLike(200, 5), speechLike(200, 6)];
    await coach.leg.say(aside);
    expect(coached.sound().includes(aside)).toBe(true);
    expect(other.sound().length).toBeGreaterThanOrEqual(aside.length);
    expect(other.sound().includes(aside)).toBe(false);
    expect(twilio.connections.now(coached.sid).with).toContain("coach");
    expect(twilio.connections.now(other.sid).with).not.toContain("coach");
    const path = `/Conferences/call/Participants/${coach.sid}.json`;
    expect((await rest("GET", path)).json).toMatchObject({
      coaching: true,
      call_sid_to_coach: coached.sid,
    });
    await rest("POST", path, { Coaching: "false" });
    await coach.leg.say(aloud);
    expect(other.sound().includes(aloud)).toBe(true);
    await rest("POST", path, { Coaching: "true", CallSidToCoach: other.sid, Muted: "true" });
    await coach.leg.say(aside);
    expect(other.sound().includes(aside)).toBe(false);
    expect(await add({ To: TARGET, Coaching: "true" })).toMatchObject({ status: 400 });
  });

  it.each([
    ["reject", { status_code: 486 }, "busy"],
    ["reject", { status_code: 480 }, "no-answer"],
    ["reject", undefined, "failed"],
  ])("may %s (%j): the leg is %s", async (operation, body, status) => {
    const caller = twilio.placeCall();
    await caller.events.until("conference_joined");
    const added = await addModel();
    const call = await model.sip.call(0);
    await fetch(`${model.baseUrl}/realtime/calls/${call.id}/${operation}`, {
      method: "POST",
      headers: { authorization: `Bearer ${model.apiKey}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const leg = twilio.leg(added.json.call_sid)!;
    await leg.ended;
    expect(leg.status).toBe(status);
  });

  it("leaves when it dies, when it is kicked and when the caller goes", async () => {
    const first = await together();
    first.call.die();
    await first.leg.ended;
    expect(first.leg.events.find("conference_left")?.detail["reason"]).toBe("participant_hung_up");
    // The other one stays behind, and hears nothing.
    expect(twilio.connections.now(first.caller.sid)).toMatchObject({
      live: true,
      with: [],
      sound: null,
    });
    await addModel();
    const second = await accept(1);
    await twilio.legs.at(-1)!.events.until("conference_joined");
    await rest("DELETE", "/Conferences/call/Participants/virtual%20agent.json");
    expect(await second.ended).toBe("caller");
    await addModel();
    const third = await accept(2);
    await twilio.legs.at(-1)!.events.until("conference_joined");
    first.caller.hangUp();
    expect(await third.ended).toBe("caller");
    expect(twilio.legs.every((leg) => leg.over)).toBe(true);
  });

  it("rings out by the dialler's time-out, and the INVITE is cancelled", async () => {
    const caller = twilio.placeCall();
    await caller.events.until("conference_joined");
    const added = await addModel("", { Timeout: "0" });
    const leg = twilio.leg(added.json.call_sid)!;
    await leg.ended;
    expect(leg.status).toBe("no-answer");
    expect(await model.sip.calls[0]!.ended).toBe("caller");
  });

  it.each([
    ["a header that is no X-", "?Diversion=x"],
    ["headers too long", `?X-Token=${"a".repeat(1100)}`],
  ])("is not dialled with %s", async (_name, headers) => {
    expect(await addModel(headers)).toMatchObject({ status: 400, json: { code: 21211 } });
    expect(model.sip.calls).toEqual([]);
  });

  it("takes a CallToken only of a caller who is there, for that caller's number", async () => {
    const caller = twilio.placeCall();
    await caller.events.until("conference_joined");
    const CallToken = relay.forms("/incoming-call")[0]!["CallToken"]!;
    const add = (form: Record<string, string>) =>
      addModel("", { From: "+15550100001", CallToken, ...form });
    expect((await add({ CallToken: "made-up" })).json.code).toBe(21210);
    expect((await add({ From: "+15550100009" })).json.code).toBe(21210);
    expect((await add({})).status).toBe(201);
    caller.hangUp();
    await caller.ended;
    expect((await add({})).json.code).toBe(21210);
  });
});

describe("what a caller hears in a conference", () => {
  it("is music until the target joins, silence after it has left", async () => {
    const caller = twilio.placeCall();
    await caller.events.until("conference_joined");
    const added = await add({ To: TARGET, Label: "target" });
    const leg = twilio.leg(added.json.call_sid)!;
    await leg.events.until("conference_joined");
    expect(twilio.connections.now(leg.sid).with).toEqual(["customer"]);
    leg.hangUp();
    await leg.ended;
    const heard = twilio.connections.states(caller.sid).map((now) => [now.with.join(), now.sound]);
    expect(heard.slice(-3)).toEqual([
      ["", "music"],
      ["target", null],
      ["", null],
    ]);
    expect(twilio.connections.ever(caller.sid, "target")).toBe(true);
  });

  it.each([
    ['waitUrl=""', null],
    [`waitUrl="${PUBLIC}/quiet"`, null],
    [`waitUrl="${PUBLIC}/wait"`, "music"],
  ])("with %s is %s while the caller is alone", async (attribute, sound) => {
    relay.paths["/quiet"] = '<Pause length="5"/>';
    relay.paths["/wait"] = "<Say>One moment.</Say>";
    relay.paths["/incoming-call"] = conference(attribute);
    const caller = twilio.placeCall();
    await caller.events.until("conference_joined");
    await twilio.settled();
    expect(twilio.connections.now(caller.sid)).toMatchObject({ with: [], sound });
  });

  it("is ringing while one is called with early media, an announcement while it is read", async () => {
    const { caller, leg } = await together();
    target = { outcome: "no-answer" };
    const quiet = await add({ To: TARGET, EarlyMedia: "false" });
    expect(twilio.connections.now(caller.sid).sound).toBeNull();
    const loud = await add({ To: TARGET });
    expect(twilio.connections.now(caller.sid).sound).toBe("ringing");
    for (const { json } of [quiet, loud])
      await rest("POST", `/Calls/${json.call_sid}.json`, { Status: "canceled" });
    await twilio.leg(loud.json.call_sid)!.ended;
    expect(twilio.connections.now(caller.sid).sound).toBeNull();
    leg.hangUp();
    relay.paths["/announce"] = "<Say>A colleague is coming, please stay on the line.</Say>";
    await rest("POST", "/Conferences/call.json", { AnnounceUrl: `${PUBLIC}/announce` });
    await twilio.settled();
    expect(twilio.connections.now(caller.sid).sound).toBe("announcement");
    while (twilio.connections.now(caller.sid).sound !== null) await new Promise(setImmediate);
  });

  it("ends at once when the target answers only to hang up", async () => {
    const { caller } = await together();
    target = { hangUpAfterMs: 0 };
    const added = await add({ To: TARGET, Label: "target" });
    const leg = twilio.leg(added.json.call_sid)!;
    await leg.ended;
    expect(leg.status).toBe("completed");
    expect(twilio.connections.now(caller.sid).with).toEqual(["virtual agent"]);
  });
});

describe("a simulated trunk", () => {
  const trunk = () =>
    new Trunk({ sip: model.sip.invite, address: model.sip.address, clock: realClock });

  it("brings the dialled number in Diversion, and any header the caller likes", async () => {
    const call = trunk().placeCall({
      dialled: "+15550002222",
      headers: [{ name: "X-Agent", value: "root" }],
    });
    const seen = await accept();
    expect(seen.header("diversion")).toContain("+15550002222");
    expect(seen.header("x-agent")).toBe("root");
    await call.events.until("answered");
    await call.say(speechLike(300));
    call.press("5");
    expect(seen.keys).toEqual(["5"]);
    expect(seen.session!.speech).toHaveLength(1);
    call.hangUp();
    expect(await seen.ended).toBe("caller");
  });

  it.each([
    ["transfer", "over", ["tel:+15557770001"]],
    ["lost", "over", []],
    ["refused", "live", ["model"]],
    ["ignored", "live", ["model"]],
  ] as const)("answers a REFER: %s", async (refer, state, endsWith) => {
    const line = trunk();
    const call = line.placeCall({ refer });
    const seen = await accept();
    await call.events.until("answered");
    await fetch(`${model.baseUrl}/realtime/calls/${seen.id}/refer`, {
      method: "POST",
      headers: { authorization: `Bearer ${model.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ target_uri: `tel:${TARGET}` }),
    });
    expect(seen.state).toBe(state);
    if (refer === "transfer") await call.events.until("dial_bridged");
    if (refer === "lost") await call.ended;
    expect(line.connections.now(call.sid).with).toEqual(endsWith);
    call.hangUp();
  });
});

describe("the connection log", () => {
  const alone = { live: true, with: [], talking: [], sound: null };

  it("measures the longest time alone and silent, unbroken, up to now", () => {
    const clock = new FakeClock();
    const log = new ConnectionLog(clock);
    log.note("a", { ...alone, sound: "music" });
    clock.advance(1000);
    log.note("a", alone);
    clock.advance(700);
    log.note("a", alone);
    clock.advance(700);
    log.note("a", { ...alone, with: ["b"] });
    clock.advance(5000);
    expect(log.longestAloneMs("a")).toBe(1400);
    expect(log.longestSilenceMs("a")).toBe(6400);
    log.note("a", alone);
    clock.advance(2000);
    expect(log.longestAloneMs("a")).toBe(2000);
    log.note("a", { ...alone, live: false });
    clock.advance(9000);
    expect(log.longestAloneMs("a")).toBe(2000);
  });

  it("knows nothing of a moment that lasted no time", () => {
    const clock = new FakeClock();
    const log = new ConnectionLog(clock);
    log.note("a", alone);
    log.note("a", { ...alone, sound: "music" });
    expect(log.states("a")).toHaveLength(1);
  });
});
