/** A supervisor who speaks to the caller in place of the model, between the simulators. */
import { describe, type ExpectStatic } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { heardMs, playedAudio } from "../../sim/twilio/heard.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { type Listener, listen } from "../fakes/listener.js";
import { startSipStage } from "../fakes/sip-stage.js";
import { type Stage, startStage } from "../fakes/stage.js";

const LONG = { text: "One two three four five six seven.", audio: speechLike(20_000, 1) };
const BACK = { text: "I am back.", audio: speechLike(600, 2) };
const ANSWER = { text: "It left on Monday.", audio: speechLike(900, 3) };
const VOICE = speechLike(1_500, 4);
const QUESTION = speechLike(700, 5);
const PATIENCE = { timeout: 15_000 };

async function post(here: Stage, path: string, body: object = {}) {
  const response = await fetch(`http://127.0.0.1:${here.adminPort}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.status;
}

/** A microphone: 20 ms at a time, in real time of the phone. */
async function speak(listener: Listener, ulaw: Uint8Array, frameMs: number): Promise<void> {
  for (let at = 0; at < ulaw.length; at += 160) {
    listener.speak(ulaw.subarray(at, at + 160));
    await new Promise((resolve) => setTimeout(resolve, frameMs));
  }
}

async function takenOver(closes: Closes, expect: ExpectStatic) {
  const here = await startStage(
    { turns: [{ say: LONG }, { say: BACK }, { say: ANSWER }] },
    { twilio: { speed: 1 } },
  );
  closes(here);
  const call = here.twilio.placeCall();
  const heard = (audio: Uint8Array): number => heardMs(call.streams[0]!, audio) ?? 0;
  await call.events.until("first_media");
  await expect.poll(() => heard(LONG.audio), PATIENCE).toBeGreaterThan(500);
  const listener = await listen(here.adminPort, call.sid);
  await expect.poll(() => listener.told.length).toBeGreaterThan(0);
  const one = `/api/calls/${call.sid}`;
  const id = listener.told[0]!.listener;
  expect(await post(here, `${one}/take-over`, { listener: id })).toBe(202);
  const acts = () =>
    here
      .record(call.sid)
      .events.filter(({ name }) => name.startsWith("supervisor"))
      .map(({ name, fields }) => `${name} ${fields["reason"] ?? ""}`.trim());
  return { here, call, heard, listener, one, acts };
}

describe.concurrent("a take-over", { timeout: 40_000 }, () => {
  it("lets the caller hear the supervisor in place of the model, which is told and speaks again", async ({
    closes,
    expect,
  }) => {
    const { here, call, heard, listener, one, acts } = await takenOver(closes, expect);
    expect(await post(here, `${one}/take-over`, { listener: 1 })).toBe(409);
    await speak(listener, VOICE, 20);
    // What the model heard until then is cut like at an interruption; nothing of it came after.
    const cut = heard(LONG.audio);
    expect(cut).toBeLessThan(3_000);
    const [truncation] = here.model.sessions[0]!.truncations;
    expect(Math.abs(truncation!.audioEndMs - cut)).toBeLessThanOrEqual(60);
    // Every frame of the microphone, in order.
    await expect
      .poll(() => playedAudio(call.streams[0]!).includes(Buffer.from(VOICE)), PATIENCE)
      .toBe(true);
    expect(listener.heard(2).includes(Buffer.from(VOICE.subarray(0, 4_000)))).toBe(true);
    const sessions = here.model.sessions.length;
    // The caller answers the supervisor, and the model says nothing.
    const said = speak(listener, new Uint8Array(160 * 60).fill(0xff), 20);
    await call.say(QUESTION);
    await said;
    expect(heard(BACK.audio)).toBe(0);
    expect(await post(here, `${one}/hand-back`, { note: "Refund granted." })).toBe(202);
    expect(await post(here, `${one}/hand-back`)).toBe(409);
    await expect.poll(() => heard(BACK.audio), PATIENCE).toBe(600);
    const told = JSON.stringify(here.model.sessions[0]!.events);
    expect(told).toMatch(/A colleague, admin, has just spoken.*Refund granted\./);
    // The model hears the caller again.
    await call.say(QUESTION);
    await expect.poll(() => heard(ANSWER.audio), PATIENCE).toBe(900);
    expect(here.model.sessions).toHaveLength(sessions);
    call.hangUp();
    await here.until(call.sid, "ended");
    expect(acts()).toEqual(["supervisor_took_over", "supervisor_handed_back asked"]);
    expect([...here.twilio.violations(), ...here.model.violations()]).toEqual([]);
  });

  it("ends by itself when the supervisor's connection is lost", async ({ closes, expect }) => {
    const { here, call, heard, listener, acts } = await takenOver(closes, expect);
    await speak(listener, VOICE.subarray(0, 3_200), 20);
    listener.terminate();
    await expect.poll(() => heard(BACK.audio), PATIENCE).toBe(600);
    expect(acts()).toEqual(["supervisor_took_over", "supervisor_handed_back connection_lost"]);
    call.hangUp();
    await here.until(call.sid, "ended");
  });

  it("ends by itself when the microphone falls silent without a word", async ({
    closes,
    expect,
  }) => {
    const { here, call, heard, acts } = await takenOver(closes, expect);
    await expect.poll(() => heard(BACK.audio), PATIENCE).toBe(600);
    expect(acts()).toEqual(["supervisor_took_over", "supervisor_handed_back no_audio"]);
    call.hangUp();
    await here.until(call.sid, "ended");
  });

  it("ends with the call: a transfer by the supervisor, and a caller who hangs up", async ({
    closes,
    expect,
  }) => {
    const { here, call, one, acts } = await takenOver(closes, expect);
    expect(await post(here, `${one}/transfer`, { destination: "desk" })).toBe(202);
    await call.events.until("dial_bridged", {}, 15_000);
    expect(acts()).toEqual([
      "supervisor_took_over",
      "supervisor_transfer",
      "supervisor_handed_back call_moved_on",
    ]);
    call.hangUp();
    await here.until(call.sid, "ended");
  });

  it("wants a listener of the operator's own, and is refused on the SIP path without a TwiML App", async ({
    closes,
    expect,
  }) => {
    const here = await startSipStage();
    closes(here);
    const caller = here.place();
    await here.greeted();
    const one = `/api/calls/${caller.sid}`;
    expect(await post(here, `${one}/take-over`, { listener: 1 })).toBe(501);
    expect(await post(here, `${one}/take-over`)).toBe(400);
    expect(await post(here, `${one}/hand-back`)).toBe(409);
    caller.hangUp();
    await caller.ended;
  });
});
