/** Take-overs on the SIP path that end in a transfer, and with a Twilio that answers late or not at all. */
import { describe, type ExpectStatic } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { listen } from "../fakes/listener.js";
import { sipCallOver, startSipStage } from "../fakes/sip-stage.js";
import { PUBLIC_URL } from "../fakes/stage.js";

const HELLO = { text: "Hello.", audio: speechLike(600, 1) };
const BACK = { text: "I am back.", audio: speechLike(600, 2) };
const APP_SID = `AP${"7".repeat(32)}`;
const PATIENCE = { timeout: 20_000 };

/** Of the context of a test. */
interface Beside {
  readonly closes: Closes;
  readonly expect: ExpectStatic;
}

async function listening({ closes, expect }: Beside, destinations: readonly string[] = ["warm"]) {
  const here = await startSipStage({
    script: { turns: Array(6).fill({ say: BACK }).with(0, { say: HELLO }) },
    env: { SUPERVISOR_APP_SID: APP_SID },
    destinations,
    twilio: { applications: [{ sid: APP_SID, voiceUrl: `${PUBLIC_URL}/sip/supervisor` }] },
  });
  closes(here);
  const caller = here.place();
  const call = await here.greeted();
  const listener = await listen(here.adminPort, caller.sid);
  await expect.poll(() => listener.told.length, PATIENCE).toBe(1);
  const post = async (path: string, body: object = {}) => {
    const response = await fetch(
      `http://127.0.0.1:${here.adminPort}/api/calls/${caller.sid}/${path}`,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      },
    );
    return response.status;
  };
  const silence = new Uint8Array(160).fill(0xff);
  const microphone = setInterval(() => listener.speak(silence), 20);
  closes({ close: async () => clearInterval(microphone) });
  const withCaller = () => here.twilio.connections.now(caller.sid).with;
  const acts = () =>
    here
      .record(caller.sid)
      .events.filter(({ name }) => name === "supervisor_handed_back")
      .map(({ fields }) => fields["reason"]);
  const people = (): readonly Leg[] => here.humans().filter(({ to }) => !to.startsWith("app:"));
  return { here, caller, call, post, withCaller, acts, people };
}

async function takenOver(beside: Beside, destinations?: readonly string[]) {
  const { expect } = beside;
  const one = await listening(beside, destinations);
  expect(await one.post("take-over", { listener: 1 })).toBe(202);
  await expect.poll(one.withCaller, PATIENCE).toEqual(["supervisor"]);
  return one;
}

describe.concurrent("a supervisor who has taken over", { timeout: 60_000 }, () => {
  it.for(["warm", "desk"])(
    "transfers the caller to a person: %s",
    async (destination, { closes, expect }) => {
      const { here, caller, post, people, acts } = await takenOver({ closes, expect }, [
        destination,
      ]);
      expect(await post("transfer", { destination })).toBe(202);
      await expect.poll(() => people().length, PATIENCE).toBe(1);
      await expect
        .poll(() => here.twilio.connections.now(people()[0]!.sid).with.length, PATIENCE)
        .toBe(1);
      expect(acts()).toEqual(["call_moved_on"]);
      caller.hangUp();
      await sipCallOver(here, caller.sid);
      expect(here.record(caller.sid)).toMatchObject({ outcome: "transferred" });
      expect(here.faults(caller)).toEqual([]);
    },
  );
});

describe.concurrent("Twilio", { timeout: 60_000 }, () => {
  it("that does not answer the request to bring the model back is asked again", async ({
    closes,
    expect,
  }) => {
    const { here, caller, call, post, withCaller } = await takenOver({ closes, expect });
    here.twilio.failRest({ kind: "timeout_before", operation: "participants.update" });
    expect(await post("hand-back")).toBe(202);
    await expect.poll(withCaller, PATIENCE).toEqual(["virtual agent"]);
    await here.said(call, 2);
    expect(here.twilio.connections.longestAloneMs(caller.sid)).toBeLessThan(4_500);
    caller.hangUp();
    await sipCallOver(here, caller.sid);
    expect(here.twilio.violations()).toEqual([]);
  });

  it("that answers none of these requests loses the model, and another one speaks", async ({
    closes,
    expect,
  }) => {
    const { here, caller, post, withCaller } = await takenOver({ closes, expect });
    here.twilio.failRest({ kind: "timeout_before", operation: "participants.update", times: 3 });
    expect(await post("hand-back")).toBe(202);
    const other = await here.model.sip.call(1);
    await other.events.until("speaking", { on: false }, 20_000);
    await expect.poll(withCaller, PATIENCE).toEqual(["virtual agent"]);
    // Four seconds for the hand-back, two for the music, and the dial.
    expect(here.twilio.connections.longestAloneMs(caller.sid)).toBeLessThan(10_000);
    caller.hangUp();
    await sipCallOver(here, caller.sid);
    expect(here.twilio.violations()).toEqual([]);
  });

  it("that never says that the supervisor was added has added them all the same", async ({
    closes,
    expect,
  }) => {
    const { here, caller, call, post, withCaller, acts } = await listening({ closes, expect });
    here.twilio.failRest({ kind: "timeout_after", operation: "participants.create" });
    expect(await post("take-over", { listener: 1 })).toBe(202);
    await expect.poll(withCaller, PATIENCE).toEqual(["supervisor"]);
    expect(await post("hand-back")).toBe(202);
    await expect.poll(withCaller, PATIENCE).toEqual(["virtual agent"]);
    await here.said(call, 2);
    expect(acts()).toEqual(["asked"]);
    caller.hangUp();
    await sipCallOver(here, caller.sid);
    expect(here.faults(caller)).toEqual([]);
  });

  it.for(["429", "500"] as const)(
    "that answers %s when the model is to be put on hold leaves it with the caller",
    async (kind, { closes, expect }) => {
      const { here, caller, call, post, withCaller, acts } = await listening({ closes, expect });
      here.twilio.failRest({ kind, operation: "participants.update", times: 1 });
      expect(await post("take-over", { listener: 1 })).toBe(202);
      // After 429 Twilio's library tries again by itself.
      if (kind === "429") {
        await expect.poll(withCaller, PATIENCE).toEqual(["supervisor"]);
        expect(await post("hand-back")).toBe(202);
      }
      await here.said(call, 2);
      await expect.poll(withCaller, PATIENCE).toEqual(["virtual agent"]);
      expect(acts()).toEqual([kind === "429" ? "asked" : "no_line"]);
      caller.hangUp();
      await sipCallOver(here, caller.sid);
      expect(here.faults(caller)).toEqual([]);
    },
  );
});
