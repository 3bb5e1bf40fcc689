/** Streams and callbacks as Twilio should not send them: no call is lost to one. */
import { describe } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Turn } from "../../sim/model/script.js";
import type { Leg } from "../../sim/twilio/leg.js";
import type { StreamQuirks } from "../../sim/twilio/stream-quirks.js";
import { heardOf, hears } from "../fakes/heard-call.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { startSipStage } from "../fakes/sip-stage.js";
import { startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(400, 2) };
const LONG = { text: "Let me tell you all of it, one by one.", audio: speechLike(5_000, 3) };
const BYE = { text: "Goodbye.", audio: speechLike(500, 4) };
const question = speechLike(600, 5);
const ends: Turn = { say: BYE, calls: [{ name: "end_call", arguments: { reason: "done" } }] };

async function start(closes: Closes, turns: readonly Turn[], quirks: StreamQuirks = {}) {
  const on = closes(await startStage({ turns: [{ say: GREETING }, ...turns] }));
  return { on, call: on.twilio.placeCall({ quirks }) };
}

function media(call: Leg, sequenceNumber: number, timestamp: number): string {
  const payload = Buffer.alloc(160, 0xff).toString("base64");
  return JSON.stringify({
    event: "media",
    sequenceNumber: String(sequenceNumber),
    media: { track: "inbound", chunk: "1", timestamp: String(timestamp), payload },
    streamSid: call.stream!.fields.streamSid,
  });
}

function startMessage(call: Leg): string {
  const { streamSid, callSid, accountSid, parameters } = call.stream!.fields;
  return JSON.stringify({
    event: "start",
    sequenceNumber: "1",
    streamSid,
    start: {
      accountSid,
      streamSid,
      callSid,
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      customParameters: { ...parameters },
    },
  });
}

describe.concurrent("marks that are never echoed", () => {
  it("cost neither the answers, nor an interruption, nor the farewell", async ({
    closes,
    expect,
  }) => {
    const { on, call } = await start(closes, [{ say: LONG }, ends], { noMarks: true });
    await hears(call, GREETING.audio);
    await call.say(question);
    await expect.poll(() => heardOf(call, LONG.audio), { timeout: 10_000 }).toBeGreaterThan(800);
    // The caller interrupts.
    await call.say(question);
    await call.ended;
    await hears(call, BYE.audio);
    await on.until(call.sid, "ended");
    const [truncation] = on.model.sessions[0]!.truncations;
    // Nothing confirms what was heard: less is told, never more.
    expect(truncation!.audioEndMs).toBeLessThan(heardOf(call, LONG.audio) + 120);
    expect(on.record(call.sid)).toMatchObject({ outcome: "completed", endReason: "done" });
    expect(on.model.violations()).toEqual([]);
  });
});

describe.concurrent("messages of a stream", () => {
  it("out of order, twice, unknown or broken change nothing", async ({ closes, expect }) => {
    const { on, call } = await start(closes, [{ say: ANSWER }, ends]);
    await hears(call, GREETING.audio);
    const stream = call.stream!;
    stream.sendRaw(startMessage(call));
    stream.sendRaw('{"event":"connected","protocol":"Call","version":"1.0.0"}');
    stream.sendRaw(media(call, 3, 40));
    stream.sendRaw(media(call, 2, 20));
    stream.sendRaw('{"event":"mark","sequenceNumber":"9","mark":{"name":"not ours"}}');
    stream.sendRaw('{"event":"mark","sequenceNumber":"9"}');
    stream.sendRaw('{"event":"dtmf","sequenceNumber":"9","dtmf":{"digit":"?"}}');
    stream.sendRaw('{"event":"media","media":{"payload":"***"}}');
    stream.sendRaw('{"event":"weather","sun":true}');
    stream.sendRaw("{");
    await call.say(question);
    await hears(call, ANSWER.audio);
    await call.say(question);
    await call.ended;
    await on.until(call.sid, "ended");
    expect(on.model.sessions).toHaveLength(1);
    expect(on.record(call.sid)).toMatchObject({ outcome: "completed", endReason: "done" });
  });

  it("before their start are a call like any other", async ({ closes, expect }) => {
    const { on, call } = await start(closes, [{ say: ANSWER }], { startDelayMs: 500 });
    await call.events.until("webhook");
    await expect.poll(() => call.stream?.open ?? false, { timeout: 5_000 }).toBe(true);
    call.stream!.sendRaw(media(call, 1, 0));
    await call.events.until("first_media", {}, 10_000).catch(() => undefined);
    const outcome = () =>
      heardOf(call, GREETING.audio) > 0 || call.events.find("dial") !== undefined;
    await expect.poll(outcome, { timeout: 10_000 }).toBe(true);
    call.hangUp();
    await call.ended;
    await on.until(call.sid, "ended");
  });

  it("that end the call twice end it once", async ({ closes, expect }) => {
    const { on, call } = await start(closes, [{ say: ANSWER }], { ending: "stop_without_close" });
    await hears(call, GREETING.audio);
    const stream = call.stream!;
    const { callSid, accountSid, streamSid } = stream.fields;
    call.hangUp();
    const stop = { accountSid, callSid };
    stream.sendRaw(JSON.stringify({ event: "stop", sequenceNumber: "99", streamSid, stop }));
    await on.until(call.sid, "ended");
    expect(on.written(call.sid).filter(({ type }) => type === "ended")).toHaveLength(1);
  });
});

const CALLBACKS = [
  "/call-status",
  "/stream-status",
  "/recording-status",
  "/amd-status",
  "/conference-events",
];
const STATUSES = ["completed", "answered", "busy", "no-answer", "failed", "canceled", "odd", ""];

describe.concurrent.each(["media-stream", "sip"] as const)("callbacks on the path %s", (path) => {
  it("of an unknown call, with parts missing, twice, and after its end do no harm", async ({
    closes,
    expect,
  }) => {
    const script = { turns: [{ say: GREETING }, { say: ANSWER }] };
    const on = path === "sip" ? await startSipStage({ script }) : await startStage(script);
    closes(on);
    const unknown = `CA${"f".repeat(32)}`;
    const bother = async (callSid: string): Promise<void> => {
      const forms = [
        {},
        { CallSid: callSid },
        { CallSid: callSid, CallStatus: "in-progress", AnsweredBy: "odd", StreamEvent: "odd" },
        { CallSid: callSid, RecordingStatus: "completed" },
        { CallSid: "no sid", CallStatus: "completed", StatusCallbackEvent: "participant-leave" },
      ];
      for (const url of [
        ...CALLBACKS,
        "/call-status?sip=model&call=x&leg=1",
        "/amd-status?outbound=x",
      ])
        for (const form of [...forms, ...forms]) {
          const { status } = await on.twilio.post(url, form);
          expect([url, status]).toEqual([url, 204]);
        }
    };
    await bother(unknown);
    const call = on.twilio.placeCall();
    await on.until(call.sid, "agent_heard");
    await bother(call.sid);
    for (const DialCallStatus of STATUSES) {
      const form = { CallSid: unknown, CallStatus: "in-progress", DialCallStatus };
      const { status, body } = await on.twilio.post("/transfer-status", form);
      expect(status).toBe(200);
      expect(body).toContain("<Response");
    }
    await call.say(question);
    const heard = () => on.record(call.sid).turns.map(({ text }) => text);
    await expect.poll(heard, { timeout: 10_000 }).toContain(ANSWER.text);
    call.hangUp();
    await on.until(call.sid, "ended");
    await on.twilio.settled();
    await bother(call.sid);
    expect(on.record(call.sid)).toMatchObject({ outcome: "completed" });
    expect(on.written(call.sid).at(-1)?.type).toBe("ended");
    expect(on.log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
  });
});
