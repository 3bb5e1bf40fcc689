import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silence, speechLike } from "../../sim/audio/synth.js";
import { DelayLine, type Network } from "../../sim/network.js";
import { SeededRandom } from "../../sim/random.js";
import { heardItem } from "../../sim/twilio/heard.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { PlainRelay, PUBLIC, STREAM_TWIML } from "./plain-relay.js";

describe("a DelayLine", () => {
  const line = (delayMs: number, jitterMs: number) => {
    const clock = new FakeClock();
    const arrived: [number, number][] = [];
    const delayed = new DelayLine(clock, delayMs, jitterMs, new SeededRandom(7));
    const send = (message: number) => delayed.send(() => arrived.push([message, clock.nowMs()]));
    return { clock, arrived, delayed, send };
  };

  it("without delay delivers at once", () => {
    const { arrived, send } = line(0, 0);
    send(1);
    expect(arrived).toEqual([[1, 0]]);
  });

  it("delivers each message after its delay", () => {
    const { clock, arrived, send } = line(60, 0);
    send(1);
    clock.advance(20);
    send(2);
    clock.advance(100);
    expect(arrived).toEqual([
      [1, 60],
      [2, 80],
    ]);
  });

  it("keeps the order, and delivers what a late message held up in one burst", () => {
    const { clock, arrived, send } = line(20, 60);
    for (let i = 0; i < 200; i++) {
      send(i);
      clock.advance(5);
    }
    clock.advance(100);
    expect(arrived.map(([message]) => message)).toEqual([...Array(200).keys()]);
    const delays = arrived.map(([message, atMs]) => atMs - message * 5);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(20);
    expect(Math.max(...delays)).toBeLessThanOrEqual(80);
    const instants = new Set(arrived.map(([, atMs]) => atMs));
    expect(instants.size).toBeLessThan(150);
  });

  it("loses what is under way when it is cut", () => {
    const { clock, arrived, delayed, send } = line(60, 0);
    send(1);
    delayed.cut();
    clock.advance(100);
    expect(arrived).toEqual([]);
  });
});

describe("a media stream over a network", () => {
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

  async function start(network: Network, ofCall: Network = network) {
    twilio = await startTwilio({ publicUrl: PUBLIC, relayUrl, network });
    const seen: { readonly event: string; readonly atMs: number; readonly name: string }[] = [];
    relay.onMessage = (message) =>
      seen.push({ event: message.event, atMs: performance.now(), name: message.mark?.name ?? "" });
    const call = twilio.placeCall({ network: ofCall });
    await call.events.until("stream_started");
    const stream = call.streams[0]!;
    const { streamSid } = stream.fields;
    const send = (message: object) =>
      relay.sockets[0]!.send(JSON.stringify({ streamSid, ...message }));
    const media = (audio: Uint8Array) =>
      send({ event: "media", media: { payload: Buffer.from(audio).toString("base64") } });
    const mark = (name: string) => send({ event: "mark", mark: { name } });
    const until = async (event: string, name = "") => {
      for (;;) {
        const found = seen.find((one) => one.event === event && one.name === name);
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    return { call, stream, send, media, mark, until };
  }

  it("takes audio, marks and echoes their time in each direction", async () => {
    const { stream, media, mark, until } = await start({ toRelayMs: 40, toPhoneMs: 60 });
    await until("start");
    const item = speechLike(200);
    const sentAtMs = performance.now();
    media(item);
    mark("end");
    const echo = await until("mark", "end");
    const heard = heardItem(stream, item)!;
    expect(heard.heardMs).toBe(200);
    expect(heard.startedAtMs - sentAtMs).toBeGreaterThanOrEqual(60);
    expect(echo.atMs - heard.endedAtMs).toBeGreaterThanOrEqual(40);
    expect(echo.atMs - sentAtMs).toBeGreaterThanOrEqual(300);
  });

  it("plays on until a clear arrives, and knows what was heard then", async () => {
    const { stream, send, media } = await start({ toPhoneMs: 80 });
    const item = speechLike(2000);
    media(item);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const clearedAtMs = performance.now();
    send({ event: "clear" });
    while (stream.playout.clears.length === 0) await new Promise(setImmediate);
    const heard = heardItem(stream, item)!;
    expect(heard.endedAtMs - clearedAtMs).toBeGreaterThanOrEqual(79);
    expect(heard.heardMs).toBeCloseTo(heard.endedAtMs - heard.startedAtMs, 0);
  });

  it("hears a gap where the audio comes too late", async () => {
    const { stream, media } = await start({ toPhoneMs: 30 });
    media(speechLike(20));
    while (stream.mediaMessages === 0) await new Promise(setImmediate);
    const endedAtMs = stream.playout.runs[0]!.startMs + 20;
    const sentAtMs = performance.now();
    media(silence(20));
    while (stream.playout.gaps.length === 0) await new Promise(setImmediate);
    expect(stream.playout.gaps[0]!.gapMs).toBeGreaterThanOrEqual(sentAtMs + 30 - endedAtMs);
  });

  it("brings what was sent before the socket closed, then the close", async () => {
    const { call, stream, media } = await start({ toPhoneMs: 50 });
    media(speechLike(100));
    const closedAtMs = performance.now();
    relay.sockets[0]!.close(1000);
    await call.events.until("stream_closed");
    expect(stream.closedAtMs! - closedAtMs).toBeGreaterThanOrEqual(49);
    expect(stream.playout.receivedBytes).toBe(800);
  });

  it("brings the stop late as well, over the call's own network", async () => {
    const { call, until } = await start({}, { toRelayMs: 60 });
    const hungUpAtMs = performance.now();
    call.hangUp();
    const stop = await until("stop");
    expect(stop.atMs - hungUpAtMs).toBeGreaterThanOrEqual(59);
  });

  it("tells how long the line was silent", async () => {
    const { call, stream, media } = await start({});
    await call.say(speechLike(100));
    const saidAtMs = call.events.elapsedMs;
    await new Promise((resolve) => setTimeout(resolve, 400));
    media(speechLike(100));
    while (stream.mediaMessages === 0) await new Promise(setImmediate);
    const answeredAtMs = call.events.elapsedMs;
    const found = twilio.longestSilence(call, { fromMs: saidAtMs, untilMs: answeredAtMs + 100 });
    // Caller frames carry 20 ms and leave every 19.97 ms; windows are 20 ms.
    expect(Math.abs(found.ms - (answeredAtMs - saidAtMs))).toBeLessThanOrEqual(60);
  });
});
