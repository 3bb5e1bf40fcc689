import { describe, expect, it } from "vitest";
import { Earpiece, MicrophoneVoice } from "../../demo/handset.js";
import { liveModel, runLiveDemo } from "../../demo/live.js";
import { decodeUlaw, encodeUlaw, ULAW_SILENCE } from "../../sim/audio/mulaw.js";

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
  it("takes key, address and model from the environment", () => {
    expect(liveModel({ OPENAI_API_KEY: "sk-1" })).toEqual({
      apiKey: "sk-1",
      url: "wss://api.openai.com/v1/realtime",
      settings: {},
    });
    expect(liveModel({ OPENAI_API_KEY: "sk-1", OPENAI_REALTIME_MODEL: "gpt-x" })?.settings).toEqual(
      {
        OPENAI_REALTIME_MODEL: "gpt-x",
      },
    );
  });

  it("is refused without a key, with the name of what is missing", async () => {
    const lines: string[] = [];
    expect(await runLiveDemo({}, (line) => lines.push(line))).toBe(2);
    expect(lines.join()).toContain("OPENAI_API_KEY");
  });
});
