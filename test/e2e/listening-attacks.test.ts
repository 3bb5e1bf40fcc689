/** Listeners and supervisors who come, go and act at the worst moment. */
import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { playedAudio } from "../../sim/twilio/heard.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { type Listener, listen } from "../fakes/listener.js";
import { type Stage, startStage } from "../fakes/stage.js";

const TALK = { text: "One two three four five six seven.", audio: speechLike(6_000, 1) };
const BACK = { text: "I am back.", audio: speechLike(600, 2) };
const ADA = speechLike(800, 3);
const BEN = speechLike(800, 4);
const PATIENCE = { timeout: 20_000 };
const AGENT = 1;

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

async function started(): Promise<{ here: Stage; call: Leg }> {
  const here = await startStage(
    { turns: [{ say: TALK }, { say: BACK }, { say: BACK }] },
    { twilio: { speed: 1 } },
  );
  stage = here;
  const call = here.twilio.placeCall();
  await call.events.until("first_media");
  return { here, call };
}

async function post(here: Stage, path: string, body: object = {}): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${here.adminPort}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.status;
}

const notes = (here: Stage, call: Leg, name: string): number =>
  here.record(call.sid).events.filter((event) => event.name === name).length;

describe("listeners", { timeout: 60_000 }, () => {
  it("who join and leave by the dozen neither disturb the caller nor one who stays", async () => {
    const { here, call } = await started();
    const steady = await listen(here.adminPort, call.sid);
    for (let round = 0; round < 10; round++) {
      const some = await Promise.all(
        Array.from({ length: 15 }, () => listen(here.adminPort, call.sid)),
      );
      await expect(listen(here.adminPort, call.sid)).rejects.toThrow("409");
      for (const [n, one] of some.entries()) n % 2 === 0 ? one.close() : one.terminate();
      await expect.poll(() => notes(here, call, "listener_left")).toBe((round + 1) * 15);
    }
    const played = () => playedAudio(call.streams[0]!);
    await expect.poll(() => played().length, PATIENCE).toBe(TALK.audio.length);
    expect(played().equals(Buffer.from(TALK.audio))).toBe(true);
    const heard = () => steady.heard(AGENT);
    await expect
      .poll(() => Buffer.from(TALK.audio).subarray(-heard().length).equals(heard()), PATIENCE)
      .toBe(true);
    call.hangUp();
    expect(await steady.closed).toBe(1000);
    await here.until(call.sid, "ended");
    expect(notes(here, call, "listener_joined")).toBe(151);
    expect(notes(here, call, "listener_left")).toBe(151);
  });

  it("who join while the call ends are refused, or told that it is over", async () => {
    const { here, call } = await started();
    const joining = Array.from({ length: 16 }, () => listen(here.adminPort, call.sid));
    call.hangUp();
    const ends = await Promise.all(
      joining.map((one) =>
        one.then(
          ({ closed }) => closed,
          (error: Error) => Number(/\d{3}/.exec(error.message)?.[0]),
        ),
      ),
    );
    for (const end of ends) expect([404, 409, 1000, 1013]).toContain(end);
    await here.until(call.sid, "ended");
    expect(notes(here, call, "listener_left")).toBe(notes(here, call, "listener_joined"));
  });
});

describe("two supervisors at once", { timeout: 60_000 }, () => {
  /** Speaks in real time until it has been said. */
  async function speak(listener: Listener, ulaw: Uint8Array): Promise<void> {
    for (let at = 0; at < ulaw.length; at += 160) {
      listener.speak(ulaw.subarray(at, at + 160));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it("are not both heard: one takes over, and the other can when the first has handed back", async () => {
    const { here, call } = await started();
    const two = [await listen(here.adminPort, call.sid), await listen(here.adminPort, call.sid)];
    const one = `/api/calls/${call.sid}`;
    const take = (n: number) => post(here, `${one}/take-over`, { listener: n });
    const answers = await Promise.all([take(1), take(2)]);
    expect([...answers].sort()).toEqual([202, 409]);
    const first = answers.indexOf(202);
    const second = 1 - first;
    const before = playedAudio(call.streams[0]!).length;
    await Promise.all([speak(two[first]!, ADA), speak(two[second]!, BEN)]);
    const voice = () => playedAudio(call.streams[0]!).subarray(before);
    await expect.poll(() => voice().length, PATIENCE).toBeGreaterThan(ADA.length / 2);
    // Each frame that was heard is the first one's.
    for (let at = 0; at + 160 <= voice().length; at += 160)
      expect(Buffer.from(BEN).includes(voice().subarray(at, at + 160))).toBe(false);
    expect(await post(here, `${one}/hand-back`)).toBe(202);
    expect(await take(second + 1)).toBe(202);
    // The first one vanishes: that is no hand-back.
    two[first]!.terminate();
    const after = playedAudio(call.streams[0]!).length;
    await speak(two[second]!, BEN);
    await expect
      .poll(() => playedAudio(call.streams[0]!).subarray(after).length, PATIENCE)
      .toBeGreaterThan(BEN.length / 2);
    two[second]!.terminate();
    const reasons = () =>
      here
        .record(call.sid)
        .events.filter(({ name }) => name === "supervisor_handed_back")
        .map(({ fields }) => fields["reason"]);
    await expect.poll(reasons, PATIENCE).toEqual(["asked", "connection_lost"]);
    call.hangUp();
    await here.until(call.sid, "ended");
  });
});
