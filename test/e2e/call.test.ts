import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { heardMs } from "../../sim/twilio/heard.js";
import { DESK, type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(600, 1) };
const LONG = {
  text: "One two three four five six seven eight nine ten.",
  audio: speechLike(8_000, 2),
};
const BYE = { text: "I connect you.", audio: speechLike(500, 3) };
const question = speechLike(700, 4);

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

describe("one call, from socket to socket", () => {
  it("greets, answers through a tool, is interrupted, transfers after the farewell, and tells the same story", async () => {
    stage = await startStage({
      turns: [
        { say: GREETING },
        { calls: [{ name: "lookup_order", arguments: { query: "4217" } }] },
        { say: LONG },
        {
          say: BYE,
          calls: [{ name: "transfer_call", arguments: { destination: "desk", reason: "asked" } }],
        },
      ],
      transcripts: ["Where is my order?", "A human, please."],
    });
    const { twilio, model } = stage;
    const call = twilio.placeCall();
    const heard = (audio: Uint8Array): number => heardMs(call.streams[0]!, audio) ?? 0;
    await call.events.until("first_media");
    await stage.until(call.sid, "agent_heard");
    expect(heard(GREETING.audio)).toBe(600);
    await call.say(question);
    await expect.poll(() => heard(LONG.audio), { timeout: 10_000 }).toBeGreaterThan(1_000);
    await call.say(question);
    await call.events.until("dial_bridged", {}, 20_000);
    await call.ended;
    await twilio.settled();
    await stage.until(call.sid, "ended");

    expect(twilio.violations()).toEqual([]);
    expect(model.violations()).toEqual([]);
    const stream = call.streams[0]!;
    const [truncation] = model.sessions[0]!.truncations;
    expect(truncation!.accepted).toBe(true);
    expect(Math.abs(truncation!.audioEndMs - heardMs(stream, LONG.audio)!)).toBeLessThanOrEqual(60);
    expect(heardMs(stream, BYE.audio)).toBe(500);
    expect(call.events.find("dial", { to: DESK }) ?? call.events.find("dial")).toBeDefined();
    const record = stage.record(call.sid);
    expect(record).toMatchObject({
      outcome: "transferred",
      transfer: { destination: "desk", kind: "dial", outcome: "answered", reason: "asked" },
    });
    expect(record.tools.map(({ name, outcome }) => [name, outcome])).toContainEqual([
      "lookup_order",
      "ok",
    ]);
    expect(record.turns.filter(({ who }) => who === "caller").map(({ text }) => text)).toEqual([
      "Where is my order?",
      "A human, please.",
    ]);
    const text = await stage.metrics();
    expect(text).toContain(
      'murelay_calls_total{agent="support",outcome="transferred",worker="0"} 1',
    );
    expect(text).toContain(
      'murelay_transfers_total{agent="support",kind="dial",outcome="answered",worker="0"} 1',
    );
    expect(text).toContain('murelay_calls_active{worker="0"} 0');
  });

  it("reaches the human by key 0 while the model's socket hangs", async () => {
    stage = await startStage({ turns: [{ say: LONG, fault: { afterMs: 1_000, kind: "hang" } }] });
    const call = stage.twilio.placeCall();
    await call.events.until("first_media");
    await call.press("0");
    await call.events.until("dial_bridged", {}, 5_000);
    await call.ended;
    expect(call.events.find("say")).toBeDefined();
    expect(stage.twilio.violations()).toEqual([]);
  });

  it("redials once with the conversation when the model dies in mid-sentence, and goes on", async () => {
    stage = await startStage({
      turns: ({ sessionIndex }) =>
        sessionIndex === 0 ? { say: LONG, fault: { afterMs: 1_000, kind: "crash" } } : { say: BYE },
    });
    const { model, twilio } = stage;
    const call = twilio.placeCall();
    const second = await model.session(1);
    await call.events.until("first_media");
    // What was here of the first sentence was played before the second session spoke.
    await expect.poll(() => heardMs(call.streams[0]!, BYE.audio), { timeout: 10_000 }).toBe(500);
    expect(heardMs(call.streams[0]!, LONG.audio)).toBeGreaterThanOrEqual(900);
    expect(JSON.stringify(second.events)).toContain("output_text");
    call.hangUp();
    await call.ended;
    await stage.until(call.sid, "ended");
    expect(model.violations()).toEqual([]);
    expect(stage.record(call.sid)).toMatchObject({ outcome: "completed" });
  });

  it("goes to the fallback destination when the model is not to be had", async () => {
    stage = await startStage({ turns: [] });
    stage.model.faults.handshake = 503;
    const call = stage.twilio.placeCall();
    await call.events.until("dial_bridged", {}, 10_000);
    await call.ended;
    expect(call.events.find("say", { text: "Sorry." })).toBeDefined();
    await stage.until(call.sid, "ended");
    expect(stage.record(call.sid)).toMatchObject({
      outcome: "failed",
      endReason: "upstream_refused",
    });
  });

  it("falls back on a second process when the one that held the call has died", async () => {
    const first = await startStage({ turns: [{ say: LONG }] });
    stage = await startStage({ turns: [] });
    const call = first.twilio.placeCall();
    await call.events.until("first_media");
    first.twilio.route("https://relay.test", `http://127.0.0.1:${stage.publicPort}`);
    // The second process knows the account's secret, as every node does, and nothing of the call.
    await first.app.stop();
    await call.events.until("dial_bridged", {}, 10_000);
    await call.ended;
    expect(first.twilio.violations()).toEqual([]);
    await first.close();
  });

  it.each(["missing", "garbage", "wrong_token", "wrong_url", "wrong_form"] as const)(
    "answers a webhook whose signature is %s with 403, and wakes nobody",
    async (forgery) => {
      stage = await startStage({ turns: [] });
      const call = stage.twilio.placeCall({ forgeWebhook: forgery });
      await call.ended;
      expect(call.events.find("webhook_failed", { status: 403 })).toBeDefined();
      expect(stage.model.sessions).toEqual([]);
      const reason = forgery === "missing" ? "missing" : "invalid";
      const line = new RegExp(
        `murelay_auth_failures_total\\{surface="webhook",reason="${reason}",worker="0"\\} [1-9]`,
      );
      expect(await stage.metrics()).toMatch(line);
    },
  );

  it.each(["missing", "wrong_token", "wrong_scheme"] as const)(
    "refuses an upgrade whose signature is %s, and the caller goes to the fallback",
    async (forgery) => {
      stage = await startStage({ turns: [] }, { env: { PREWARM: "false" } });
      const call = stage.twilio.placeCall({ forgeStream: forgery });
      await call.events.until("stream_refused", {}, 10_000);
      await call.events.until("dial_bridged", {}, 10_000);
      expect(stage.model.sessions).toEqual([]);
    },
  );

  it("accepts the upgrade signed with a slash at the end, and odd JSON, lost frames and a short first frame", async () => {
    // Nothing is joined: what waits to be when the caller hangs up is nobody's any more.
    stage = await startStage(
      { turns: [{ say: GREETING }] },
      { env: { UPLINK_IDLE_PTIME_MS: "20" } },
    );
    const call = stage.twilio.placeCall({
      forgeStream: "trailing_slash",
      quirks: {
        oddJson: true,
        loses: (n) => n % 10 === 3,
        firstFrameBytes: 100,
        firstTimestampMs: 87,
      },
    });
    await call.events.until("first_media");
    await expect
      .poll(() => heardMs(call.streams[0]!, GREETING.audio), { timeout: 5_000 })
      .toBe(600);
    // The model's clock is the call's clock: lost frames came as silence, and less than a frame is
    // no gap. Between two frames nothing is on its way, unless the last one was lost.
    const stream = call.streams[0]!;
    const session = stage.model.sessions[0]!;
    const spokenMs = () => (stream.framesSent + stream.framesLost) * 20;
    await expect
      .poll(() => Math.abs(spokenMs() - session.received.bytes / 8), {
        timeout: 10_000,
        interval: 7,
      })
      .toBeLessThan(20);
    call.hangUp();
    await call.ended;
    expect(stage.twilio.violations()).toEqual([]);
    expect(stage.model.violations()).toEqual([]);
  });

  it("lets twenty calls at once share nothing: each caller hears only their own secret", async () => {
    const secrets = Array.from({ length: 20 }, (_, n) => speechLike(900, 100 + n));
    stage = await startStage(
      { turns: [] },
      {
        model: {
          script: (session) => ({
            turns: [{ say: { text: `secret ${session.index}`, audio: secrets[session.index]! } }],
          }),
        },
      },
    );
    const { twilio } = stage;
    const calls = secrets.map(() => twilio.placeCall());
    await Promise.all(calls.map((call) => call.events.until("first_media", {}, 20_000)));
    const heard = (): number[] =>
      calls.map((call) => secrets.findIndex((secret) => heardMs(call.streams[0]!, secret) === 900));
    await expect.poll(() => new Set(heard()).size, { timeout: 10_000 }).toBe(20);
    for (const call of calls) {
      const own = secrets.filter((secret) => (heardMs(call.streams[0]!, secret) ?? 0) > 100);
      expect(own).toHaveLength(1);
      call.hangUp();
    }
    await Promise.all(calls.map((call) => call.ended));
    expect(twilio.violations()).toEqual([]);
  });
});
