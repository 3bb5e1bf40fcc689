import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { silence, speechLike } from "../../sim/audio/synth.js";
import { heardMs, playedAudio } from "../../sim/twilio/heard.js";
import { legAudio } from "../../sim/twilio/recordings.js";
import { sign } from "../../sim/twilio/signature.js";
import { IdentityVoice } from "../../sim/twilio/voice.js";
import { type SimulatedTwilio, startTwilio, type TwilioOptions } from "../../sim/twilio.js";
import { fastClock } from "./fast-clock.js";
import { PlainRelay, PUBLIC, STREAM_TWIML } from "./plain-relay.js";

let relay: PlainRelay;
let twilio: SimulatedTwilio;
let relayUrl: string;

beforeEach(async () => {
  relay = new PlainRelay();
  relay.paths["/incoming-call"] = STREAM_TWIML;
  relay.paths["/connect-ended"] = "<Hangup/>";
  relayUrl = await relay.listen();
});
afterEach(async () => {
  await twilio.close();
  await relay.close();
});

async function start(options: Partial<TwilioOptions> = {}): Promise<void> {
  twilio = await startTwilio({ publicUrl: PUBLIC, relayUrl, speed: 50, ...options });
}

/** Messages of the first stream, by event. */
function collect() {
  // biome-ignore lint/suspicious/noExplicitAny: read by the test
  const messages: any[] = [];
  const waiting: { count: number; event: string; resolve: () => void }[] = [];
  relay.onMessage = (message) => {
    messages.push(message);
    for (const wait of waiting)
      if (messages.filter(({ event }) => event === wait.event).length >= wait.count) wait.resolve();
  };
  return {
    messages,
    of: (event: string) => messages.filter((message) => message.event === event),
    until: (event: string, count = 1) =>
      new Promise<void>((resolve) => {
        if (messages.filter((message) => message.event === event).length >= count) resolve();
        else waiting.push({ count, event, resolve });
      }),
  };
}

const send = (message: object) => relay.sockets[0]!.send(JSON.stringify(message));
const media = (streamSid: string, audio: Uint8Array) =>
  send({ event: "media", streamSid, media: { payload: Buffer.from(audio).toString("base64") } });

describe("a simulated media stream", () => {
  it("begins as Twilio's does: signed upgrade, connected, start, then numbered frames as texts", async () => {
    await start();
    const seen = collect();
    const call = twilio.placeCall();
    await seen.until("media", 5);
    const [upgrade] = relay.upgrades;
    expect(upgrade?.headers["x-twilio-signature"]).toBe(
      sign(twilio.authToken, "wss://relay.test/media-stream"),
    );
    expect(upgrade?.headers.host).toBe("relay.test");
    const streamSid = call.streams[0]!.fields.streamSid;
    expect(seen.messages[0]).toEqual({ event: "connected", protocol: "Call", version: "1.0.0" });
    expect(seen.messages[1]).toEqual({
      event: "start",
      sequenceNumber: "1",
      streamSid,
      start: {
        accountSid: twilio.accountSid,
        streamSid,
        callSid: call.sid,
        tracks: ["inbound"],
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
        customParameters: { token: "t&1" },
      },
    });
    const frames = seen.of("media");
    expect(
      frames
        .slice(0, 3)
        .map(({ sequenceNumber, media: { chunk, timestamp } }) => [
          sequenceNumber,
          chunk,
          timestamp,
        ]),
    ).toEqual([
      ["2", "1", "171"],
      ["3", "2", "191"],
      ["4", "3", "211"],
    ]);
    expect(Object.keys(frames[0])).toEqual(["event", "sequenceNumber", "media", "streamSid"]);
    expect(Object.keys(frames[0].media)).toEqual(["track", "chunk", "timestamp", "payload"]);
    expect(Buffer.from(frames[0].media.payload, "base64")).toHaveLength(160);
    call.hangUp();
    await seen.until("stop");
    expect(seen.of("stop")[0].stop).toEqual({ accountSid: twilio.accountSid, callSid: call.sid });
    await call.ended;
    expect(twilio.violations()).toEqual([]);
  });

  it("plays audio, echoes marks in order, and returns them all on clear", async () => {
    await start();
    const seen = collect();
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    const stream = call.streams[0]!;
    const { streamSid } = stream.fields;
    const mark = (name: string) => send({ event: "mark", streamSid, mark: { name } });
    mark("at once");
    await seen.until("mark", 1);
    const item = speechLike(2000);
    media(streamSid, item.subarray(0, 320));
    mark("played");
    await seen.until("mark", 2);
    media(streamSid, item.subarray(320));
    mark("never heard");
    send({ event: "clear", streamSid });
    await seen.until("mark", 3);
    expect(seen.of("mark").map((message) => message.mark.name)).toEqual([
      "at once",
      "played",
      "never heard",
    ]);
    expect(stream.marks).toEqual({ received: 3, echoed: 3 });
    const [clear] = stream.playout.clears;
    expect(clear!.receivedBytes).toBe(16000);
    expect(clear!.marksReturned).toBe(1);
    expect(stream.playout.playedBytes(performance.now())).toBe(16000 - clear!.droppedBytes);
    expect(playedAudio(stream).equals(item.subarray(0, 16000 - clear!.droppedBytes))).toBe(true);
    expect(heardMs(stream, item)).toBe((16000 - clear!.droppedBytes) / 8);
    expect(twilio.violations()).toEqual([]);
  });

  it("carries what the caller says byte for byte, and keeps both sides for a recording", async () => {
    await start();
    const seen = collect();
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    const clip = speechLike(200);
    await call.say(clip);
    const { streamSid } = call.streams[0]!.fields;
    media(streamSid, clip);
    send({ event: "mark", streamSid, mark: { name: "end" } });
    await seen.until("mark");
    const sent = Buffer.concat(
      seen.of("media").map((message) => Buffer.from(message.media.payload, "base64")),
    );
    expect(sent.includes(clip)).toBe(true);
    const { caller, agent } = legAudio(call);
    expect(caller.includes(clip)).toBe(true);
    expect(agent.includes(clip)).toBe(true);
    expect(agent.indexOf(clip)).toBeGreaterThan(caller.indexOf(clip));
  });

  it("loses frames on the way where a test says so: time goes on", async () => {
    await start();
    const seen = collect();
    const voice = new IdentityVoice(1);
    const call = twilio.placeCall({
      voice,
      quirks: { loses: (frame) => frame === 2 || frame === 3, firstTimestampMs: 5 },
    });
    await seen.until("media", 4);
    expect(
      seen
        .of("media")
        .slice(0, 4)
        .map(({ media: { chunk, timestamp } }) => [chunk, timestamp]),
    ).toEqual([
      ["1", "5"],
      ["2", "25"],
      ["3", "85"],
      ["4", "105"],
    ]);
    expect(call.streams[0]!.framesLost).toBe(2);
  });

  it("numbers its frames from 155 or 171 ms on, every 19.97 ms on average", async () => {
    await start({ clock: fastClock(20) });
    const seen = collect();
    twilio.placeCall();
    await seen.until("media", 200);
    const stamps = seen.of("media").map(({ media }) => Number(media.timestamp));
    expect([155, 171]).toContain(stamps[0]);
    expect(stamps[199]! - stamps[0]!).toBe(Math.round(199 * 19.97));
    const steps = stamps.slice(1).map((stamp, i) => stamp - stamps[i]!);
    expect([...new Set(steps)].sort()).toEqual([19, 20]);
    twilio.placeCall();
    await seen.until("start", 2);
    const second = seen.of("start")[1].streamSid;
    const firstOfSecond = () =>
      seen.of("media").find(({ streamSid }) => streamSid === second)?.media.timestamp;
    while (firstOfSecond() === undefined) await new Promise(setImmediate);
    expect(Number(firstOfSecond()) + stamps[0]!).toBe(155 + 171);
  });

  it("speaks a carrier's dialect where a test says so", async () => {
    await start();
    const seen = collect();
    const dialect = { numbers: true, noTrack: true, emptyStop: true, noCustomParameters: true };
    const call = twilio.placeCall({ quirks: { dialect, firstTimestampMs: 20 } });
    await seen.until("media");
    const [start_] = seen.of("start");
    expect(start_.sequenceNumber).toBe(1);
    expect(start_.start).not.toHaveProperty("customParameters");
    expect(seen.of("media")[0]).toEqual({
      event: "media",
      sequenceNumber: 2,
      media: { chunk: 1, timestamp: 20, payload: expect.any(String) },
      streamSid: call.streams[0]!.fields.streamSid,
    });
    await call.press("0");
    call.hangUp();
    await seen.until("stop");
    expect(seen.of("dtmf")[0].dtmf).toEqual({ digit: "0" });
    expect(seen.of("stop")[0]).not.toHaveProperty("stop");
  });

  it("sends odd JSON of the same meaning where a test says so", async () => {
    await start();
    const seen = collect();
    twilio.placeCall({
      quirks: { oddJson: true, firstFrameBytes: 40 },
      voice: new IdentityVoice(1),
    });
    await seen.until("media", 2);
    const [first, second] = seen.of("media");
    expect(Object.keys(first)[0]).toBe("streamSid");
    expect(Buffer.from(first.media.payload, "base64")).toHaveLength(40);
    expect(Buffer.from(second.media.payload, "base64")).toHaveLength(160);
  });

  it("presses keys in the stream", async () => {
    await start();
    const seen = collect();
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    await call.press("0");
    await seen.until("dtmf");
    expect(seen.of("dtmf")[0].dtmf).toEqual({ track: "inbound_track", digit: "0" });
  });

  it.each<[string, (streamSid: string) => string | Buffer, RegExp]>([
    [
      "an unknown event",
      (streamSid) => JSON.stringify({ event: "pause", streamSid }),
      /31924: event "pause"/,
    ],
    ["text that is not JSON", () => "{", /31924: not JSON/],
    ["a binary frame", () => Buffer.from("{}"), /31924: a binary frame/],
    [
      "media of another stream",
      () => JSON.stringify({ event: "media", streamSid: "MZother", media: { payload: "/w==" } }),
      /streamSid MZother/,
    ],
    [
      "media with a track",
      (streamSid) =>
        JSON.stringify({
          event: "media",
          streamSid,
          media: { payload: "/w==", track: "outbound" },
        }),
      /wrong shape/,
    ],
    [
      "a payload that is not base64",
      (streamSid) => JSON.stringify({ event: "media", streamSid, media: { payload: "a b" } }),
      /wrong shape/,
    ],
    [
      "an empty payload",
      (streamSid) => JSON.stringify({ event: "media", streamSid, media: { payload: "" } }),
      /wrong shape/,
    ],
    [
      "a WAV header",
      (streamSid) =>
        JSON.stringify({
          event: "media",
          streamSid,
          media: { payload: Buffer.from("RIFF....WAVE").toString("base64") },
        }),
      /file header/,
    ],
    [
      "a mark without a name",
      (streamSid) => JSON.stringify({ event: "mark", streamSid, mark: {} }),
      /mark of a wrong shape/,
    ],
    [
      "a clear with more in it",
      (streamSid) => JSON.stringify({ event: "clear", streamSid, clear: {} }),
      /clear of a wrong shape/,
    ],
  ])("dies of %s", async (_name, message, complaint) => {
    await start();
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    relay.sockets[0]!.send(message(call.streams[0]!.fields.streamSid));
    await call.events.until("stream_closed", { by: "twilio" });
    expect(call.violations).toEqual([expect.stringMatching(complaint)]);
    await call.ended;
    expect(relay.forms("/connect-ended")).toHaveLength(1);
  });

  it("asks action when the relay closes, and when the relay refuses", async () => {
    await start();
    const first = twilio.placeCall();
    await first.events.until("stream_started");
    relay.sockets[0]!.close(1000);
    await first.ended;
    relay.refuseUpgrade = 403;
    const second = twilio.placeCall();
    await second.ended;
    expect(second.events.find("stream_refused")?.detail).toEqual({ error: 31920, status: 403 });
    expect(
      relay.forms("/connect-ended").map((form) => [form["CallSid"], form["CallStatus"]]),
    ).toEqual([
      [first.sid, "in-progress"],
      [second.sid, "in-progress"],
    ]);
  });

  it.each([
    ["stop_without_close", true, false],
    ["close_without_stop", false, true],
  ] as const)("can end in odd ways: %s", async (ending, stops, closes) => {
    await start({ actionAfterHangUp: false });
    const seen = collect();
    const call = twilio.placeCall({ quirks: { ending } });
    await call.events.until("stream_started");
    const socket = relay.sockets[0]!;
    let closed = false;
    const gone = new Promise<void>((resolve) => {
      socket.once("close", () => {
        closed = true;
        resolve();
      });
    });
    call.hangUp();
    if (stops) await seen.until("stop");
    else await gone;
    expect(seen.of("stop")).toHaveLength(stops ? 1 : 0);
    expect(closed).toBe(closes);
    expect(socket.readyState === WebSocket.OPEN).toBe(!closes);
  });

  it.each(["missing", "garbage", "wrong_token", "wrong_url", "wrong_scheme", "inner_url"] as const)(
    "can forge its upgrade: %s",
    async (forgeStream) => {
      await start();
      const call = twilio.placeCall({ forgeStream });
      await call.events.until("stream_connecting");
      await call.events.until("stream_started");
      const header = relay.upgrades[0]?.headers["x-twilio-signature"];
      expect(header).not.toBe(sign(twilio.authToken, "wss://relay.test/media-stream"));
      expect(header === undefined).toBe(forgeStream === "missing");
    },
  );

  it("can tamper with start, delay it, or leave it out", async () => {
    await start();
    const seen = collect();
    twilio.placeCall({
      quirks: {
        startDelayMs: 1,
        tamperStart: (fields) => {
          fields.callSid = "CAother";
          fields.customParameters = { token: "stolen" };
        },
      },
    });
    await seen.until("start");
    expect(seen.of("start")[0].start).toMatchObject({
      callSid: "CAother",
      customParameters: { token: "stolen" },
    });
    const silent = twilio.placeCall({ quirks: { startDelayMs: null } });
    await silent.events.until("stream_connecting");
    await seen.until("connected", 2);
    expect(silent.events.find("stream_started")).toBeUndefined();
  });

  it("hears silence as audio like any other", async () => {
    await start();
    const seen = collect();
    const call = twilio.placeCall();
    await call.events.until("stream_started");
    const { streamSid } = call.streams[0]!.fields;
    media(streamSid, silence(40));
    send({ event: "mark", streamSid, mark: { name: "m" } });
    await seen.until("mark");
    expect(call.streams[0]!.playout.receivedBytes).toBe(320);
  });
});
