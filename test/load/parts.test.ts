import { once } from "node:events";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import twilio from "twilio";
import { describe, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { BargeIn } from "../../bench/load/barge-in.js";
import { Caller } from "../../bench/load/caller.js";
import { findMax } from "../../bench/load/find-max.js";
import { Histogram } from "../../bench/load/histogram.js";
import { run } from "../../bench/load/main.js";
import { MediaWriter } from "../../bench/load/media-writer.js";
import { Meters } from "../../bench/load/meters.js";
import { parseOptions } from "../../bench/load/options.js";
import { PhonePlayout } from "../../bench/load/phone-playout.js";
import { PhoneSocket } from "../../bench/load/phone-socket.js";
import { DEFAULT_SCENARIO, loadScenario, readScenario } from "../../bench/load/scenario.js";
import { judge, parseSlo } from "../../bench/load/slo.js";
import { SpokenItem } from "../../bench/load/spoken-item.js";
import { readFrameText } from "../../bench/load/stamped-audio.js";
import { readStream, signature } from "../../bench/load/twilio-account.js";
import { Wheel } from "../../bench/load/wheel.js";
import { Random } from "../../bench/random.js";

describe("Histogram", () => {
  it("gives quantiles at most 3.2 % above the true ones, never below", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 50_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
        fc.constantFrom(0.5, 0.9, 0.99, 1),
        (values, q) => {
          const histogram = new Histogram();
          for (const value of values) histogram.record(value);
          const sorted = [...values].sort((a, b) => a - b);
          const truth = sorted[Math.ceil(q * sorted.length) - 1]!;
          expect(histogram.quantileMs(q)).toBeGreaterThanOrEqual(truth - 0.0006);
          expect(histogram.quantileMs(q)).toBeLessThanOrEqual(truth * 1.032 + 0.0011);
        },
      ),
    );
  });

  it("counts each record in one bucket", () => {
    const histogram = new Histogram();
    for (const ms of [0, 0.031, 0.032, 0.5, 1, 20, 70_000]) histogram.record(ms);
    expect(histogram.buckets().reduce((sum, [, count]) => sum + count, 0)).toBe(7);
    expect(histogram.maxMs).toBe(70_000);
    histogram.reset();
    expect(histogram.count).toBe(0);
    expect(histogram.quantileMs(0.5)).toBe(0);
  });
});

describe("limits", () => {
  it.each([
    ["a<2", { a: 1 }, true],
    ["a<2", { a: 2 }, false],
    ["a<=2, b=0", { a: 2, b: 0 }, true],
    ["a==0", { a: 1 }, false],
    ["a>=1000", { a: 1000 }, true],
    ["a>0.5", { a: 0.5 }, false],
    ["a<2", { a: null }, false],
  ])("%s over %j is %s", (text, values, ok) => {
    expect(judge(parseSlo(text), values).every((verdict) => verdict.ok)).toBe(ok);
  });

  it("refuses what is no limit and what is no figure", () => {
    expect(() => parseSlo("uplink")).toThrow(/is no limit/);
    expect(() => parseSlo("a<b")).toThrow(/is no limit/);
    expect(() => judge(parseSlo("a<2"), { b: 1 })).toThrow(/no figure is named a; known: b/);
  });
});

describe("the command line", () => {
  it.each([
    ["a limit on what is no figure", ["--calls", "1", "--slo", "upplink_p99_ms<20"]],
    ["an unknown option", ["--cals", "1"]],
    ["a scenario that is not there", ["--scenario", "nowhere.yaml"]],
  ])("answers %s with status 2 before anything runs", async (_what, argv) => {
    const told = vi.spyOn(console, "error").mockImplementation(() => {});
    expect(await run(argv)).toBe(2);
    expect(told).toHaveBeenCalledOnce();
    told.mockRestore();
  });

  it("reads what the documentation writes", () => {
    const options = parseOptions([
      "--calls",
      "200",
      "--duration=30",
      "--ramp",
      "10/s",
      "--slo",
      "loss=0",
    ]);
    expect(options).toMatchObject({
      calls: 200,
      durationS: 30,
      rampPerSecond: 10,
      relay: null,
      modelPort: 0,
    });
  });

  it.each([
    [["--calls", "0"]],
    [["--calls", "many"]],
    [["--relay", "localhost"]],
    [["--nonsense"]],
    [["--delay", "-1"]],
    [["--delay", "20,100,3"]],
    [["--jitter", "20,"]],
    [["--env", "A"]],
    [["--tls-cert", "cert.pem"]],
    [["200"]],
  ])("refuses %j", (argv) => {
    expect(() => parseOptions(argv)).toThrow();
  });
});

describe("scenarios", () => {
  it.each(["support", "chatty", "faults", "soak", "tools"])("reads %s.yaml", (name) => {
    const file = new URL(`../../bench/load/scenarios/${name}.yaml`, import.meta.url).pathname;
    expect(loadScenario(file).name).toBe(name);
  });

  it("has a network for each direction, from one number or two", () => {
    expect(parseOptions(["--delay", "60", "--jitter", "20,0"])).toMatchObject({
      delayMs: [60, 60],
      jitterMs: [20, 0],
    });
    expect(readScenario({ network: { delay_ms: [20, 100], jitter_ms: 5 } }, "x").network).toEqual({
      toRelay: { delayMs: 20, jitterMs: 5, kind: "bursts" },
      toPhone: { delayMs: 100, jitterMs: 5, kind: "bursts" },
    });
  });

  it("keeps the defaults of what is absent", () => {
    expect(readScenario({ barge_in: { rate: 1 } }, "x").bargeIn).toEqual({
      ...DEFAULT_SCENARIO.bargeIn,
      rate: 1,
    });
    expect(readScenario(null, "x")).toEqual(DEFAULT_SCENARIO);
  });

  it.each([
    [{ barge_inn: {} }, /x: barge_inn is not known/],
    [{ barge_in: { rate: 2 } }, /x: barge_in: rate is not a number from 0 to 1/],
    [{ caller: { talk_ms: [500, 200] } }, /talk_ms begins above its end/],
    [{ model: { delta_bytes: "many" } }, /delta_bytes is not a number/],
    [{ caller: 3 }, /caller: is not a mapping/],
    [{ network: { jitter: "much" } }, /jitter is neither "bursts" nor "each"/],
    [{ faults: { failed: 10 } }, /failed is not a number from 0 to 1/],
  ])("refuses %j", (document, message) => {
    expect(() => readScenario(document, "x")).toThrow(message);
  });
});

describe("PhonePlayout", () => {
  it("plays what arrives from the next tick on, and echoes a mark once its audio is played", () => {
    const phone = new PhonePlayout();
    phone.ticked(100);
    const start = phone.startMs(105);
    expect(start).toBe(120);
    expect(phone.queue(320, start, 105)).toBe(55);
    phone.mark("a");
    expect(phone.startMs(106)).toBe(160);
    expect(phone.takeMark(140)).toBeNull();
    expect(phone.unplayedMs(140)).toBe(20);
    expect(phone.takeMark(160)).toBe("a");
    expect(phone.takeMark(160)).toBeNull();
    expect(phone.dryMs(165)).toBe(5);
  });

  it("echoes every mark at once when it is cleared", () => {
    const phone = new PhonePlayout();
    phone.ticked(0);
    phone.queue(1600, phone.startMs(0), 0);
    phone.mark("a");
    phone.queue(1600, phone.startMs(0), 0);
    phone.mark("b");
    phone.clear(50);
    expect([phone.takeMark(50), phone.takeMark(50), phone.takeMark(50)]).toEqual(["a", "b", null]);
    expect(phone.unplayedMs(50)).toBe(0);
  });
});

describe("BargeIn", () => {
  /** 1000 ms were sent, all arrived, and the last of it is played at 1000. */
  function speaking(): SpokenItem {
    const item = new SpokenItem("item", 0, 8000);
    item.sent(8000, 0);
    item.receivedBytes = 8000;
    item.endPlayMs = 1000;
    return item;
  }

  it("compares audio_end_ms with what the phone had played when the clear arrived", () => {
    const meters = new Meters();
    const item = speaking();
    const bargeIn = new BargeIn([item], 400, 0);
    bargeIn.truncate(item, 395);
    bargeIn.clear(404, 405);
    bargeIn.judge(meters);
    expect(meters.bargeIns).toBe(1);
    expect(meters.clear.maxMs).toBe(4);
    expect(meters.bargeInSilence.maxMs).toBe(5);
    expect(meters.truncation.maxMs).toBe(10);
    expect(meters.truncationLowMs).toBe(-10);
    expect(meters.truncatesMissing + meters.clearsMissing).toBe(0);
  });

  it("misses clear and truncation", () => {
    const meters = new Meters();
    new BargeIn([speaking()], 400, 0).judge(meters);
    expect([meters.clearsMissing, meters.truncatesMissing]).toEqual([1, 1]);
  });

  it("asks for nothing at the very end of an item", () => {
    const meters = new Meters();
    new BargeIn([speaking()], 950, 0).judge(meters);
    expect([meters.bargeIns, meters.clearsMissing, meters.truncatesMissing]).toEqual([0, 0, 0]);
  });

  it("takes a deleted item for truncated", () => {
    const meters = new Meters();
    const item = speaking();
    const bargeIn = new BargeIn([item], 100, 0);
    bargeIn.clear(101, 101);
    item.deleted = true;
    bargeIn.judge(meters);
    expect(meters.truncatesMissing).toBe(0);
  });
});

describe("Twilio's requests", () => {
  it("are signed as Twilio's own library expects", () => {
    const account = { accountSid: "AC1", authToken: "secret" };
    const form = { To: "+15550001111", CallSid: "CA1", From: "+1555", Empty: "", "A b": "ä&=" };
    const url = "https://relay.example.com/incoming-call?x=1";
    expect(signature(account, url, form)).toBe(
      twilio.getExpectedTwilioSignature("secret", url, form),
    );
  });

  it("are of other calls in each run, which a relay may outlive", () => {
    const parts = {
      scenario: DEFAULT_SCENARIO,
      random: new Random(1),
      meters: new Meters(),
      wheel: new Wheel(),
      account: { accountSid: "ACtest", authToken: "token" },
      webhookUrl: "http://127.0.0.1:1/incoming-call",
      sessionByIndex: () => undefined,
      over: () => undefined,
    };
    const sids = [1, 1].map((id) => new Caller(id, 1000, parts).callSid);
    for (const sid of sids) expect(sid).toMatch(/^CA[0-9a-f]{32}$/);
    expect(new Set(sids).size).toBe(2);
  });

  it("finds the stream in TwiML", () => {
    const twiml =
      '<?xml version="1.0"?><Response><Say>Hi</Say><Connect action="https://h/after?a=1&amp;b=2"><Stream url="wss://h/media" statusCallback="https://h/s">' +
      '<Parameter name="token" value="a&quot;&#65;&#x42;&lt;"/><Parameter value="2" name="n"/></Stream></Connect></Response>';
    expect(readStream(twiml)).toEqual({
      url: "wss://h/media",
      action: "https://h/after?a=1&b=2",
      parameters: { token: 'a"AB<', n: "2" },
    });
    expect(readStream("<Response><Hangup/></Response>")).toBeNull();
  });

  it("writes media messages that parse, with numbers of any length", () => {
    const writer = new MediaWriter("MZ1", 9);
    for (const n of [1, 9, 10, 99, 100, 12_345]) {
      const frame = writer.media(n + 1, n, n * 20, n, n % 8);
      expect(frame.readUInt16BE(2)).toBe(frame.length - 8);
      const message = JSON.parse(frame.toString("latin1", 8));
      expect(message).toMatchObject({
        event: "media",
        sequenceNumber: String(n + 1),
        streamSid: "MZ1",
        media: { track: "inbound", chunk: String(n), timestamp: String(n * 20) },
      });
      const stamp = { id: 0, seq: 0, body: 0 };
      expect(readFrameText(Buffer.from(message.media.payload), 0, stamp)).toBe(true);
      expect(stamp).toEqual({ id: 9, seq: n, body: n % 8 });
    }
  });
});

describe("PhoneSocket", () => {
  it("speaks WebSocket: both ways, fragments, pings and a close", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const heard: string[] = [];
    const closed = new Promise<number>((resolve) => {
      const socket = new PhoneSocket(
        new URL(`ws://127.0.0.1:${port}/a?b=1`),
        { "X-Test": "yes" },
        {
          opened: () => socket.sendText(`long ${"x".repeat(300)}`),
          text: (bytes, start, end) => heard.push(bytes.toString("utf8", start, end)),
          closed: (code) => resolve(code),
        },
      );
    });
    const [peer, request] = await once(server, "connection");
    expect(request.headers["x-test"]).toBe("yes");
    const [message] = await once(peer, "message");
    expect(String(message)).toHaveLength(305);
    peer.send("one", { fin: false });
    peer.send(" two", { fin: true });
    peer.ping("are you there");
    const [pong] = await once(peer, "pong");
    expect(String(pong)).toBe("are you there");
    peer.send("y".repeat(70_000));
    peer.close(4001);
    expect(await closed).toBe(4001);
    expect(heard.map((text) => text.length)).toEqual([7, 70_000]);
    server.close();
  });

  it("tells of a refused upgrade", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", verifyClient: () => false });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const refused = await new Promise<number | null>((resolve) => {
      new PhoneSocket(
        new URL(`ws://127.0.0.1:${port}/`),
        {},
        {
          opened: () => {},
          text: () => {},
          closed: (_code, status) => resolve(status),
        },
      );
    });
    expect(refused).toBe(401);
    server.close();
  });
});

describe("findMax", () => {
  const relay = (limit: number) => async (calls: number) => ({
    ok: calls <= limit,
    harnessLimit: null,
  });

  it.each([
    [50, 830],
    [50, 50],
    [100, 70],
    [1, 3],
  ])("from %i finds the edge at %i, nearly", async (first, limit) => {
    const { calls } = await findMax(first, relay(limit));
    expect(calls).toBeLessThanOrEqual(limit);
    expect(calls * 1.05 + 1).toBeGreaterThanOrEqual(limit);
  });

  it("says so when the harness gave out first", async () => {
    const found = await findMax(10, async (calls) => ({
      ok: calls <= 40,
      harnessLimit: calls <= 40 ? null : "it was slow",
    }));
    expect(found.harnessLimit).toBe("it was slow");
  });
});
