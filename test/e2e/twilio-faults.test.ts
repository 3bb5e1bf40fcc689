import { describe } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { CALLERS } from "../../sim/twilio/party.js";
import type { StreamQuirks } from "../../sim/twilio/stream-quirks.js";
import type { PlaceCall } from "../../sim/twilio.js";
import { agent } from "../fakes/call-bench.js";
import { hears, onlyAgent } from "../fakes/heard-call.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { PUBLIC_URL, type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(400, 2) };
const question = speechLike(600, 3);

async function start(
  closes: Closes,
  options: Parameters<typeof startStage>[1] = {},
): Promise<Stage> {
  return closes(await startStage({ turns: [{ say: GREETING }, { say: ANSWER }] }, options));
}

/** The caller is greeted, asks, and is answered. */
async function talks(on: Stage, placed: PlaceCall = {}) {
  const call = on.twilio.placeCall(placed);
  await hears(call, GREETING.audio);
  await call.say(question);
  await hears(call, ANSWER.audio);
  return call;
}

async function over(on: Stage, callSid: string): Promise<void> {
  await on.until(callSid, "ended");
  await on.twilio.settled();
}

describe.concurrent("keys", () => {
  it("are a number while others wait: a 0 within 4017 transfers no one, a 0 alone does", async ({
    closes,
    expect,
  }) => {
    const on = await start(closes);
    const call = on.twilio.placeCall();
    await hears(call, GREETING.audio);
    await call.press("4017");
    const events = () => JSON.stringify(on.model.sessions[0]!.events);
    await expect.poll(events, { timeout: 5_000 }).toContain("keypad: 4017");
    expect(call.events.find("dial")).toBeUndefined();
    await hears(call, ANSWER.audio);
    await call.press("0");
    await call.events.until("dial_bridged");
    await call.ended;
    await over(on, call.sid);
    expect(on.record(call.sid).transfer).toMatchObject({ by: "key", outcome: "answered" });
    expect(on.twilio.violations()).toEqual([]);
  });
});

describe.concurrent("a caller without a number", () => {
  it.for(Object.entries(CALLERS))(
    "is put through to a phone: %s",
    async ([_, from], { closes, expect }) => {
      const on = await start(closes);
      const call = on.twilio.placeCall({ from });
      await hears(call, GREETING.audio);
      await call.press("0");
      await call.events.until("dial_bridged");
      await call.ended;
      await over(on, call.sid);
      expect(call.events.find("dial_refused")).toBeUndefined();
      expect(on.twilio.violations()).toEqual([]);
      expect(on.record(call.sid)).toMatchObject({ outcome: "transferred", from });
    },
  );

  it("is put through by key 0 however many others were in the same hour", async ({
    closes,
    expect,
  }) => {
    const on = await start(closes);
    const calls = Array.from({ length: 25 }, () => on.twilio.placeCall({ from: CALLERS.withheld }));
    for (const call of calls) await call.events.until("first_media", {}, 20_000);
    await Promise.all(calls.map((call) => call.press("0")));
    for (const call of calls) await call.events.until("dial_bridged", {}, 20_000);
    await Promise.all(calls.map((call) => call.ended));
    expect(on.twilio.violations()).toEqual([]);
  });
});

describe.concurrent("a webhook", () => {
  it("by GET is refused, and the log names the fix", async ({ closes, expect }) => {
    const on = await start(closes, { twilio: { voiceMethod: "GET" } });
    const call = on.twilio.placeCall();
    await call.events.until("webhook_failed", { status: 405 });
    expect(on.log.lines.join("\n")).toMatch(/wrong method refused.*murelay number set/);
    expect(on.model.sessions).toEqual([]);
  });

  it.for([
    ["missing", /"reason":"missing".*"hostDiffers"/],
    ["wrong_token", /"ourAccount":true/],
    ["wrong_url", /"signedUrl":"https:\/\/relay.test\/incoming-call"/],
  ] as const)(
    "with a %s signature is refused, and the log tells the cause",
    async ([forgery, cause], { closes, expect }) => {
      const on = await start(closes);
      const call = on.twilio.placeCall({ forgeWebhook: forgery });
      await call.events.until("webhook_failed", { status: 403 });
      const line = on.log.lines.find((text) => text.includes("X-Twilio-Signature"));
      expect(line).toMatch(cause);
    },
  );

  it("that comes twice is one call, with one session", async ({ closes, expect }) => {
    const on = await start(closes);
    const call = await talks(on, { repeatWebhook: true });
    call.hangUp();
    await over(on, call.sid);
    expect(on.model.sessions).toHaveLength(1);
    expect(on.twilio.violations()).toEqual([]);
  });

  it("of a call that has ended hangs up, and dials no model", async ({ closes, expect }) => {
    const on = await start(closes);
    const call = await talks(on);
    call.hangUp();
    await over(on, call.sid);
    const form = {
      CallSid: call.sid,
      AccountSid: on.twilio.accountSid,
      From: call.from,
      To: call.to,
      CallStatus: "completed",
      Direction: "inbound",
    };
    const reply = await on.twilio.post("/incoming-call", form);
    expect(reply.status).toBe(200);
    expect(reply.body).not.toContain("<Stream");
    expect(on.model.sessions).toHaveLength(1);
    expect(await on.metrics()).toContain('murelay_calls_active{worker="0"} 0');
  });

  it("with addresses longer than a <Parameter> holds begins a call", async ({ closes, expect }) => {
    const on = await start(closes);
    const call = await talks(on, { from: `sip:${"a".repeat(700)}@pbx.example.com` });
    call.hangUp();
    await over(on, call.sid);
    expect(on.twilio.violations()).toEqual([]);
  });
});

describe.concurrent("PUBLIC_URL", () => {
  it("may be written in capitals", async ({ closes, expect }) => {
    const on = await start(closes, { env: { PUBLIC_URL: PUBLIC_URL.toUpperCase() } });
    const call = await talks(on);
    call.hangUp();
    await over(on, call.sid);
    expect(on.twilio.violations()).toEqual([]);
  });
});

describe.concurrent("a carrier's stream", () => {
  it.for<[string, StreamQuirks]>([
    ["numbers in place of texts", { dialect: { numbers: true } }],
    ["no track", { dialect: { noTrack: true } }],
    ["a stop without a body", { dialect: { emptyStop: true } }],
    ["all of them", { dialect: { numbers: true, noTrack: true, emptyStop: true } }],
    ["a first timestamp of 171 ms", { firstTimestampMs: 171 }],
    ["a stop without a close", { ending: "stop_without_close" }],
    ["a close without a stop", { ending: "close_without_stop" }],
  ])("is a call like any other: %s", async ([_, quirks], { closes, expect }) => {
    const on = await start(closes);
    const call = await talks(on, { quirks });
    call.hangUp();
    await over(on, call.sid);
    expect(on.record(call.sid)).toMatchObject({
      outcome: "completed",
      endReason: "caller_hung_up",
    });
    expect([...on.twilio.violations(), ...on.model.violations()]).toEqual([]);
  });

  it("that brings no parameters is refused, and the caller gets a person", async ({
    closes,
    expect,
  }) => {
    const on = await start(closes);
    const call = on.twilio.placeCall({ quirks: { dialect: { noCustomParameters: true } } });
    await call.events.until("dial_bridged");
    expect(on.log.lines.join("\n")).toMatch(/media: stream refused.*missing/);
  });
});

describe.concurrent("an agent that fails", () => {
  it("and has no one to hand over to apologises, and promises nothing", async ({
    closes,
    expect,
  }) => {
    const base = agent();
    const profile = agent({
      transfer: { ...base.transfer, default: null, destinations: new Map() },
    });
    const on = await start(closes, { agents: onlyAgent(profile) });
    on.model.faults.handshake = 503;
    const call = on.twilio.placeCall();
    await call.ended;
    expect(call.events.all("say").map(({ detail }) => detail["text"])).toEqual(["Sorry."]);
    await over(on, call.sid);
    expect(on.record(call.sid)).toMatchObject({ outcome: "failed" });
    expect(on.twilio.violations()).toEqual([]);
  });
});

describe.concurrent("a caller who hangs up within the transcription delay", () => {
  it("is recorded to the last word, and `ended` is the record's last event", async ({
    closes,
    expect,
  }) => {
    const words = "My number is 4217.";
    const stage = await startStage(
      { turns: [{ say: GREETING }, null], transcripts: [words] },
      { model: { transcriptDelayMs: 1_500 } },
    );
    closes(stage);
    const call = stage.twilio.placeCall();
    await hears(call, GREETING.audio);
    await call.say(question);
    const [session] = stage.model.sessions;
    await expect
      .poll(() => session!.speech.at(-1)?.stoppedAtMs ?? null, { timeout: 5_000 })
      .not.toBe(null);
    call.hangUp();
    await over(stage, call.sid);
    const record = stage.record(call.sid);
    expect(record.turns.filter(({ who }) => who === "caller").map(({ text }) => text)).toEqual([
      words,
    ]);
    expect(stage.written(call.sid).at(-1)?.type).toBe("ended");
    expect(stage.model.violations()).toEqual([]);
  });
});
