/** Operators who listen to a call on the SIP path, whose audio Twilio copies to the relay. */
import { describe } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { listen } from "../fakes/listener.js";
import { type SipStage, sipCallOver, startSipStage } from "../fakes/sip-stage.js";

const HELLO = { text: "Hello.", audio: speechLike(600, 1) };
const ANSWER = { text: "It left on Monday.", audio: speechLike(2_500, 2) };
const QUESTION = speechLike(700, 3);
const PATIENCE = { timeout: 15_000 };
const CALLER = 0;
const AGENT = 1;

async function start(closes: Closes): Promise<SipStage> {
  const stage = await startSipStage({
    script: { turns: [{ say: HELLO }, { say: ANSWER }] },
    twilio: { speed: 1 },
  });
  return closes(stage);
}

const sound = (heard: Buffer): Buffer => Buffer.from(heard.filter((byte) => byte !== 0xff));

describe.concurrent("a listener of a call on the SIP path", { timeout: 40_000 }, () => {
  it("hears caller and model byte for byte, from Twilio, and the call does not notice", async ({
    closes,
    expect,
  }) => {
    const here = await start(closes);
    const caller = here.place();
    const call = await here.greeted();
    const listener = await listen(here.adminPort, caller.sid);
    await caller.events.until("fork_started");
    await expect.poll(() => listener.heard(CALLER).length, PATIENCE).toBeGreaterThan(0);
    await caller.say(QUESTION);
    await here.said(call, 2);
    await expect
      .poll(() => sound(listener.heard(AGENT)).length, PATIENCE)
      .toBe(sound(Buffer.from(ANSWER.audio)).length);
    expect(listener.heard(AGENT).includes(Buffer.from(ANSWER.audio))).toBe(true);
    expect(listener.heard(CALLER).includes(Buffer.from(QUESTION))).toBe(true);
    // Two listeners share one stream. It ends a moment after the last one has left.
    const other = await listen(here.adminPort, caller.sid);
    listener.close();
    await expect.poll(() => other.heard(CALLER).length, PATIENCE).toBeGreaterThan(0);
    expect(caller.forks).toHaveLength(1);
    other.close();
    await caller.events.until("fork_closed", {}, 10_000);
    caller.hangUp();
    await sipCallOver(here, caller.sid);
    expect(here.faults(caller)).toEqual([]);
    expect(
      here
        .record(caller.sid)
        .events.filter(({ name }) => name.startsWith("listener"))
        .map(({ name }) => name),
    ).toEqual(["listener_joined", "listener_joined", "listener_left", "listener_left"]);
  });

  it("is told when the call ends, also while the stream is being started", async ({
    closes,
    expect,
  }) => {
    const here = await start(closes);
    const caller = here.place();
    await here.greeted();
    const listener = await listen(here.adminPort, caller.sid);
    caller.hangUp();
    expect(await listener.closed).toBe(1000);
    await sipCallOver(here, caller.sid);
    expect(here.faults(caller)).toEqual([]);
  });

  it("is sent away when Twilio gives no audio, and the call goes on", async ({
    closes,
    expect,
  }) => {
    const here = await start(closes);
    here.twilio.failRest({ kind: "500", operation: "streams.create" });
    const caller = here.place();
    const call = await here.greeted();
    const listener = await listen(here.adminPort, caller.sid);
    expect(await listener.closed).toBe(1011);
    await caller.say(QUESTION);
    await here.said(call, 2);
    // The next one is heard again.
    const other = await listen(here.adminPort, caller.sid);
    await expect.poll(() => other.heard(CALLER).length, PATIENCE).toBeGreaterThan(0);
    caller.hangUp();
    await sipCallOver(here, caller.sid);
    expect(here.faults(caller)).toEqual([]);
  });
});
