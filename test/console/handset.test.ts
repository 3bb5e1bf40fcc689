import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Earpiece, MicrophoneVoice } from "../../demo/handset.js";
import { calledNumber, liveSettings, runLiveDemo } from "../../demo/live.js";
import { decodeUlaw, encodeUlaw, ULAW_SILENCE } from "../../sim/audio/mulaw.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";

const FRAME = 160;
const tone = (level: number, length = FRAME) =>
  new Uint8Array(length).fill(encodeUlaw(Int16Array.of(level))[0]!);
const levelOf = (frame: Int16Array) => frame[0];
const level = (given: number) => decodeUlaw(encodeUlaw(Int16Array.of(given)))[0];

describe("what a phone plays", () => {
  it("comes in order and in real time, whatever the pieces in which it was sent", () => {
    const ear = new Earpiece();
    expect(ear.due(1_000)).toEqual([]);
    for (const [value, length] of [
      [1_000, 100],
      [1_000, 60],
      [2_000, 320],
    ] as const)
      ear.media(tone(value, length));
    expect(ear.due(1_019)).toEqual([]);
    expect(ear.due(1_020).map(levelOf)).toEqual([level(1_000)]);
    expect(ear.due(1_060).map(levelOf)).toEqual([level(2_000), level(2_000)]);
    expect(ear.due(1_080)).toEqual([]);
  });

  it("is a whole frame at the end of what there is", () => {
    const ear = new Earpiece();
    ear.media(tone(1_000, 40));
    const [frame] = ear.due(0);
    expect(frame).toHaveLength(FRAME);
    expect([frame![39], frame![40]]).toEqual([level(1_000), 0]);
  });

  it("stops with a clear, and goes on with what comes after it", () => {
    const ear = new Earpiece();
    ear.media(tone(1_000, 1_600));
    expect(ear.due(0)).toHaveLength(1);
    ear.clear();
    expect(ear.due(20)).toEqual([]);
    ear.media(tone(3_000));
    expect(ear.due(40).map(levelOf)).toEqual([level(3_000)]);
  });

  it("does not hurry after a standstill", () => {
    const ear = new Earpiece();
    ear.media(tone(1_000, 50 * FRAME));
    ear.due(0);
    expect(ear.due(5_000)).toHaveLength(1);
    expect(ear.due(5_020)).toHaveLength(1);
  });
});

describe("what a microphone says", () => {
  const next = (voice: MicrophoneVoice) => {
    const out = new Uint8Array(FRAME);
    voice.next(out, 0);
    return out[0];
  };
  const say = (voice: MicrophoneVoice, value: number) =>
    voice.push(new Int16Array(FRAME).fill(value));

  it("is gathered before it is spoken, and quiet where nothing comes", () => {
    const voice = new MicrophoneVoice();
    say(voice, 1_000);
    say(voice, 2_000);
    expect(next(voice)).toBe(ULAW_SILENCE);
    say(voice, 3_000);
    expect([1, 2, 3, 4].map(() => next(voice))).toEqual([
      ...[1_000, 2_000, 3_000].map((value) => tone(value)[0]),
      ULAW_SILENCE,
    ]);
  });

  it("is never far behind: what came late is left out", () => {
    const voice = new MicrophoneVoice();
    for (let n = 1; n <= 16; n++) say(voice, n * 1_000);
    expect(next(voice)).toBe(tone(14_000)[0]);
  });
});

describe("the demo with OpenAI's own model", () => {
  let twilio: SimulatedTwilio | null = null;
  afterEach(async () => {
    await twilio?.close();
    twilio = null;
  });

  it("takes the user's settings, and replaces addresses, ports and the Twilio account", async () => {
    twilio = await startTwilio({ publicUrl: "https://relay.example" });
    const settings = liveSettings(
      {
        OPENAI_API_KEY: "sk-1",
        OPENAI_REALTIME_MODEL: "gpt-x",
        HTTPS_PROXY: "http://proxy.example:3128",
        RECORDINGS_DIR: "/var/recordings",
        PORT: "8080",
        PUBLIC_URL: "https://voice.example.com",
        TWILIO_AUTH_TOKEN: "the real one",
        TWILIO_API_KEY: "SK0123",
        TWILIO_API_SECRET_FILE: "/run/secrets/twilio",
        MEDIA_URL: "wss://media.example.com/{node}",
        NO_PROXY: "crm.internal",
        ADMIN_HOST: "0.0.0.0",
        ADMIN_TOKEN_FILE: "/run/secrets/admin",
        WORKERS: "4",
      },
      twilio,
    );
    expect(settings).toMatchObject({
      OPENAI_API_KEY: "sk-1",
      OPENAI_REALTIME_MODEL: "gpt-x",
      HTTPS_PROXY: "http://proxy.example:3128",
      RECORDINGS_DIR: "/var/recordings",
      PORT: "0",
      PUBLIC_URL: "https://relay.example",
      TWILIO_ACCOUNT_SID: twilio.accountSid,
      TWILIO_AUTH_TOKEN: twilio.authToken,
      TWILIO_API_BASE_URL: twilio.apiBaseUrl,
      NO_PROXY: "crm.internal,127.0.0.1",
    });
    const left = ["ADMIN_HOST", "ADMIN_TOKEN_FILE", "WORKERS", "TWILIO_API_KEY", "MEDIA_URL"];
    for (const name of [...left, "TWILIO_API_SECRET_FILE"])
      expect(settings).not.toHaveProperty(name);
    expect(liveSettings({}, twilio)["RECORDINGS_DIR"]).toBe(join("data", "demo"));
  });

  it("calls the first number of the user's agents file", () => {
    const agents = (...numbers: string[]) => ({
      agents: new Map(),
      numbers: new Map(numbers.map((number) => [number, "support"])),
      defaultAgent: null,
    });
    expect(calledNumber(agents("*", "+15550007777", "+15550008888"))).toBe("+15550007777");
    expect(calledNumber(agents("*"))).toBeUndefined();
  });

  it("is refused without a key, with the name of what is missing", async () => {
    const lines: string[] = [];
    expect(await runLiveDemo({}, (line) => lines.push(line))).toBe(2);
    expect(lines.join()).toContain("OPENAI_API_KEY");
  });

  it("is refused with a faulty setting, or an agents file that is not there", async () => {
    const lines: string[] = [];
    const print = (line: string) => lines.push(line);
    const env = { OPENAI_API_KEY: "sk-1" };
    expect(await runLiveDemo({ ...env, MAX_CALLS: "many" }, print)).toBe(2);
    expect(lines.join()).toContain("MAX_CALLS");
    expect(await runLiveDemo({ ...env, AGENTS_FILE: "no-such-file.yaml" }, print)).toBe(2);
    expect(lines.join()).toContain("no-such-file.yaml");
  });
});
