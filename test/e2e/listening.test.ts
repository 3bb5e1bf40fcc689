/** Operators who listen to live calls, at a whole relay between the simulators. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import { playedAudio } from "../../sim/twilio/heard.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { listen } from "../fakes/listener.js";
import { type RelayNode, startNode } from "../fakes/relay-node.js";
import { startSipStage } from "../fakes/sip-stage.js";
import { PUBLIC_URL, type Stage, startStage } from "../fakes/stage.js";

const HELLO = { text: "Hello.", audio: speechLike(600, 1) };
const ANSWER = { text: "It left on Monday.", audio: speechLike(3_000, 2) };
const QUESTION = speechLike(700, 3);
const TOKEN = "a-token-of-some-length";
const CALLER = 0;
const AGENT = 1;

describe("a listener", () => {
  let stage: Stage | null = null;
  afterEach(async () => {
    await stage?.close();
    stage = null;
  });

  it("hears both directions byte for byte as the phone sent and played them, and stands in the record", async () => {
    const here = await startStage({ turns: [{ say: HELLO }, { say: ANSWER }] });
    stage = here;
    const call = here.twilio.placeCall();
    await here.until(call.sid, "agent_heard");
    const listener = await listen(here.adminPort, call.sid);
    const playedBefore = playedAudio(call.streams[0]!).length;
    await call.say(QUESTION);
    const turns = () => here.record(call.sid).turns.filter(({ heardMs }) => heardMs !== null);
    await expect.poll(() => turns().length, { timeout: 10_000 }).toBe(2);
    await expect
      .poll(() => listener.heard(AGENT).length, { timeout: 5_000 })
      .toBe(ANSWER.audio.length);
    expect(listener.heard(AGENT).equals(Buffer.from(ANSWER.audio))).toBe(true);
    expect(playedAudio(call.streams[0]!).subarray(playedBefore)).toEqual(listener.heard(AGENT));
    expect(listener.heard(CALLER).includes(Buffer.from(QUESTION))).toBe(true);
    call.hangUp();
    expect(await listener.closed).toBe(1000);
    expect(listener.told.map(({ type }) => type)).toEqual(["started", "ended"]);
    await here.until(call.sid, "ended");
    expect(
      here.record(call.sid).events.filter(({ name }) => name.startsWith("listener")),
    ).toMatchObject([
      { name: "listener_joined", fields: { by: "admin", listener: 1 } },
      { name: "listener_left", fields: { by: "admin", listener: 1, reason: "call_ended" } },
    ]);
    const audit = await fetch(`http://127.0.0.1:${here.adminPort}/api/audit?callSid=${call.sid}`);
    expect(await audit.json()).toMatchObject({
      entries: [{ operator: "admin", action: "listen", status: 101 }],
    });
  });

  it("is refused with the reason: no token, no call, no audio here, no upgrade", async () => {
    const here = await startStage({ turns: [{ say: HELLO }] }, { env: { ADMIN_TOKEN: TOKEN } });
    stage = here;
    const call = here.twilio.placeCall();
    await here.until(call.sid, "agent_heard");
    const status = (sid: string, token: string | null) =>
      listen(here.adminPort, sid, token).then(
        () => "open",
        (error: Error) => /\d{3}/.exec(error.message)?.[0],
      );
    expect(await status(call.sid, null)).toBe("401");
    expect(await status("CA9", TOKEN)).toBe("404");
    expect(await status("x", TOKEN)).toBe("404");
    const plain = await fetch(`http://127.0.0.1:${here.adminPort}/api/calls/${call.sid}/listen`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(plain.status).toBe(426);
    expect(await status(call.sid, TOKEN)).toBe("open");
  });

  it("is told that a call from a trunk cannot be listened to", async () => {
    const here = await startSipStage();
    stage = here;
    const { trunk, adminPort } = here;
    trunk.placeCall();
    const call = await here.greeted();
    const answer = await fetch(`http://127.0.0.1:${adminPort}/api/calls/${call.id}/listen`);
    expect([answer.status, (await answer.json()) as object]).toMatchObject([
      501,
      { error: "path" },
    ]);
  });
});

describe("a listener of a machine with two workers", () => {
  let model: SimulatedModel;
  let twilio: SimulatedTwilio;
  let node: RelayNode;
  beforeAll(async () => {
    model = await startModel({ script: { turns: [{ say: ANSWER }] } });
    twilio = await startTwilio({ publicUrl: PUBLIC_URL });
    node = await startNode(
      { model, twilio, publicUrl: PUBLIC_URL },
      { WORKERS: "2", ADMIN_TOKEN: TOKEN },
    );
  }, 90_000);
  afterAll(async () => {
    await twilio?.close();
    await node?.remove();
    await model?.close();
  });

  it("hears a call of either worker through the supervisor", { timeout: 60_000 }, async () => {
    for (const worker of [0, 1]) {
      twilio.route(PUBLIC_URL, `http://127.0.0.1:${node.publicPort + 1 + worker}`);
      const call = twilio.placeCall();
      await call.events.until("first_media", {}, 20_000);
      const listener = await listen(node.adminPort, call.sid, TOKEN);
      await expect.poll(() => listener.heard(AGENT).length, { timeout: 10_000 }).toBeGreaterThan(0);
      const heard = listener.heard(AGENT);
      expect(Buffer.from(ANSWER.audio).includes(heard)).toBe(true);
      call.hangUp();
      expect(await listener.closed).toBe(1000);
    }
  });
});
