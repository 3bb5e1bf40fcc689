/** A supervisor who speaks to a caller on the SIP path: a participant of their conference. */
import { describe, type ExpectStatic } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { type Listener, listen } from "../fakes/listener.js";
import { type SipStage, sipCallOver, startSipStage } from "../fakes/sip-stage.js";
import { PUBLIC_URL } from "../fakes/stage.js";

const HELLO = { text: "Hello.", audio: speechLike(600, 1) };
const BACK = { text: "I am back.", audio: speechLike(600, 2) };
const ANSWER = { text: "It left on Monday.", audio: speechLike(600, 3) };
const VOICE = speechLike(1_500, 4);
const QUESTION = speechLike(700, 5);
const APP_SID = `AP${"7".repeat(32)}`;
const PATIENCE = { timeout: 15_000 };

async function start(closes: Closes): Promise<SipStage> {
  const stage = await startSipStage({
    script: { turns: [{ say: HELLO }, { say: BACK }, { say: ANSWER }] },
    env: { SUPERVISOR_APP_SID: APP_SID },
    twilio: {
      speed: 1,
      applications: [{ sid: APP_SID, voiceUrl: `${PUBLIC_URL}/sip/supervisor` }],
    },
  });
  return closes(stage);
}

async function post(here: SipStage, path: string, body: object = {}) {
  const response = await fetch(`http://127.0.0.1:${here.adminPort}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.status;
}

/** A microphone that is on until it is switched off: what is said, else silence. */
function microphone(listener: Listener) {
  const said: Uint8Array[] = [];
  const silence = new Uint8Array(160).fill(0xff);
  const timer = setInterval(() => listener.speak(said.shift() ?? silence), 20);
  return {
    say: (ulaw: Uint8Array) => {
      for (let at = 0; at < ulaw.length; at += 160) said.push(ulaw.subarray(at, at + 160));
    },
    off: () => clearInterval(timer),
  };
}

async function takenOver(closes: Closes, expect: ExpectStatic) {
  const here = await start(closes);
  const caller = here.place();
  const call = await here.greeted();
  const listener = await listen(here.adminPort, caller.sid);
  await caller.events.until("fork_started");
  const one = `/api/calls/${caller.sid}`;
  expect(await post(here, `${one}/take-over`, { listener: 1 })).toBe(202);
  const mic = microphone(listener);
  const line = () => here.twilio.legs.find(({ to }) => to.startsWith(`app:${APP_SID}?`));
  const acts = () =>
    here
      .record(caller.sid)
      .events.filter(({ name }) => name.startsWith("supervisor"))
      .map(({ name, fields }) => `${name} ${fields["reason"] ?? ""}`.trim());
  return { here, caller, call, listener, mic, line, one, acts };
}

/** Without silence: a late frame leaves a gap. */
const sound = (audio: Uint8Array): Buffer => Buffer.from(audio.filter((byte) => byte !== 0xff));

const heardBy = (listener: Listener, direction: number, audio: Uint8Array): boolean =>
  sound(listener.heard(direction)).includes(sound(audio));

describe.concurrent("a take-over on the SIP path", { timeout: 40_000 }, () => {
  it("puts the supervisor into the conference, and the model on hold until it is told", async ({
    closes,
    expect,
  }) => {
    const { here, caller, call, listener, mic, line, one, acts } = await takenOver(closes, expect);
    await expect.poll(() => line()?.status, PATIENCE).toBe("in-progress");
    await expect
      .poll(() => here.twilio.legs.some(({ streams }) => streams[0]?.open === true), PATIENCE)
      .toBe(true);
    const model = () => here.twilio.connections.states(caller.sid).at(-1)!.with;
    await expect.poll(model, PATIENCE).toEqual(["supervisor"]);
    // What the caller's phone plays is the copied track: the microphone, byte for byte.
    mic.say(VOICE);
    await expect.poll(() => heardBy(listener, 2, VOICE), PATIENCE).toBe(true);
    // The caller answers, and the model hears nothing of it.
    const responses = call.session!.responses.length;
    await caller.say(QUESTION);
    expect(call.session!.responses).toHaveLength(responses);
    expect(await post(here, `${one}/take-over`, { listener: 1 })).toBe(409);
    expect(await post(here, `${one}/hand-back`, { note: "Refund granted." })).toBe(202);
    mic.off();
    await here.said(call, 2);
    await expect.poll(() => heardBy(listener, 1, BACK.audio), PATIENCE).toBe(true);
    expect(JSON.stringify(call.session!.events)).toMatch(
      /A colleague, admin, has just spoken.*Refund granted\./,
    );
    await expect.poll(() => line()?.over).toBe(true);
    await caller.say(QUESTION);
    await here.said(call, 3);
    caller.hangUp();
    await sipCallOver(here, caller.sid);
    expect(here.faults(caller)).toEqual([]);
    expect(acts()).toEqual(["supervisor_took_over", "supervisor_handed_back asked"]);
  });

  it("ends by itself when the supervisor's connection is lost", async ({ closes, expect }) => {
    const { here, caller, call, listener, mic, line, acts } = await takenOver(closes, expect);
    await expect.poll(() => line()?.status, PATIENCE).toBe("in-progress");
    // A model that was with the caller all the time would have nothing to say.
    const withThem = () => here.twilio.connections.now(caller.sid).with;
    await expect.poll(withThem, PATIENCE).toEqual(["supervisor"]);
    mic.off();
    listener.terminate();
    await here.said(call, 2);
    expect(acts()).toEqual(["supervisor_took_over", "supervisor_handed_back connection_lost"]);
    caller.hangUp();
    await sipCallOver(here, caller.sid);
    expect(here.faults(caller)).toEqual([]);
  });

  it("ends with the call", async ({ closes, expect }) => {
    const { here, caller, mic, line, acts } = await takenOver(closes, expect);
    await expect.poll(() => line()?.status, PATIENCE).toBe("in-progress");
    caller.hangUp();
    await sipCallOver(here, caller.sid);
    mic.off();
    expect(acts()).toEqual(["supervisor_took_over", "supervisor_handed_back call_moved_on"]);
    expect(here.faults(caller)).toEqual([]);
  });

  it("leaves the model as it was when Twilio does not let the supervisor in", async ({
    closes,
    expect,
  }) => {
    const here = await start(closes);
    const caller = here.place();
    const call = await here.greeted();
    const listener = await listen(here.adminPort, caller.sid);
    await expect.poll(() => listener.told.length).toBe(1);
    here.twilio.failRest({ kind: "500", operation: "participants.create" });
    const mic = microphone(listener);
    expect(await post(here, `/api/calls/${caller.sid}/take-over`, { listener: 1 })).toBe(202);
    await expect
      .poll(
        () =>
          here
            .record(caller.sid)
            .events.filter(({ name }) => name === "supervisor_handed_back")
            .map(({ fields }) => fields["reason"]),
        PATIENCE,
      )
      .toEqual(["no_line"]);
    mic.off();
    // The caller heard nobody, and the model was with them all the time.
    await caller.say(QUESTION);
    await here.said(call, 2);
    expect(JSON.stringify(call.session!.events)).not.toMatch(/colleague/i);
    caller.hangUp();
    await sipCallOver(here, caller.sid);
    expect(here.faults(caller)).toEqual([]);
  });
});
