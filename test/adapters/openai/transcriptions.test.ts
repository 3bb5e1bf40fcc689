import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OpenAiTranscriptions } from "../../../src/adapters/openai/transcriptions.js";
import { makeWav } from "../../fakes/make-wav.js";
import {
  type Peer,
  peer,
  readTranscription,
  type TranscriptionRequest,
} from "../../fakes/media-peers.js";

describe("OpenAiTranscriptions", () => {
  let directory: string;
  let api: Peer;
  let requests: TranscriptionRequest[];
  let answer: (request: TranscriptionRequest, response: ServerResponse) => void;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "murelay-transcribe-"));
    requests = [];
    api = await peer((request, response) => {
      void readTranscription(request).then((read) => {
        requests.push(read);
        answer(read, response);
      });
    });
  });
  afterEach(async () => {
    await api.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const transcriber = () =>
    new OpenAiTranscriptions({ baseUrl: `${api.url}/v1`, apiKey: "sk-test", directory });
  const says = (response: ServerResponse, body: object) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));

  it("sends each channel by itself and puts the words in order of time", async () => {
    writeFileSync(
      join(directory, "RE1.wav"),
      makeWav(2, 16_000, (channel) => (channel === 0 ? 100 : -200)),
    );
    answer = (request, response) => {
      const caller = request.audio.readInt16LE(44) === 100;
      const words = caller
        ? [
            { word: "Hello", start: 0.1, end: 0.4 },
            { word: "bye", start: 1.5, end: 1.8 },
          ]
        : [{ word: "Hi", start: 0.6, end: 0.9 }];
      says(response, { text: "unused", words, usage: { type: "duration", seconds: 2 } });
    };
    const transcript = await transcriber().transcribe("RE1.wav", {
      model: "whisper-1",
      words: true,
      dual: true,
    });
    expect(transcript.text).toBe("caller: Hello\nagent: Hi\ncaller: bye");
    expect(transcript.words).toEqual([
      { who: "caller", word: "Hello", startMs: 100, endMs: 400 },
      { who: "agent", word: "Hi", startMs: 600, endMs: 900 },
      { who: "caller", word: "bye", startMs: 1_500, endMs: 1_800 },
    ]);
    expect(transcript.usage).toEqual({ tokens: 0, seconds: 4 });
    expect(requests).toHaveLength(2);
    for (const { fields, audio, authorization } of requests) {
      expect(fields).toEqual({
        model: "whisper-1",
        response_format: "verbose_json",
        "timestamp_granularities[]": "word",
      });
      expect(authorization).toBe("Bearer sk-test");
      // A mono file of 2 s: its length stands in its header.
      expect(audio.length).toBe(44 + 32_000);
      expect(audio.readUInt16LE(22)).toBe(1);
      expect(audio.readUInt32LE(40)).toBe(32_000);
    }
  });

  it("asks a model without word times for segments, and puts them in order of time", async () => {
    writeFileSync(
      join(directory, "RE1.wav"),
      makeWav(2, 16_000, (channel) => (channel === 0 ? 100 : -200)),
    );
    answer = (request, response) => {
      if (request.fields["timestamp_granularities[]"] === "word") {
        response.writeHead(400).end('{"error":{"param":"timestamp_granularities"}}');
        return;
      }
      const caller = request.audio.readInt16LE(44) === 100;
      const segments = caller
        ? [
            { text: " Hello.", start: 0.1, end: 0.4 },
            { text: " Bye.", start: 3, end: 3.4 },
          ]
        : [{ text: " Hi there.", start: 0.6, end: 0.9 }];
      says(response, { text: "unused", segments, usage: { type: "duration", seconds: 2 } });
    };
    const one = transcriber();
    const settings = { model: "next-whisper", words: true, dual: true };
    expect(await one.transcribe("RE1.wav", settings)).toEqual({
      text: "caller: Hello.\nagent: Hi there.\ncaller: Bye.",
      words: [],
      usage: { tokens: 0, seconds: 4 },
    });
    // What the model refused once it is not asked for again.
    await one.transcribe("RE1.wav", settings);
    expect(requests.map(({ fields }) => fields["timestamp_granularities[]"])).toEqual([
      "word",
      "segment",
      "segment",
      "segment",
      "segment",
    ]);
  });

  it("asks a model without any times for plain JSON, and names no speaker in a mono recording", async () => {
    writeFileSync(
      join(directory, "RE1.wav"),
      makeWav(1, 8_000, () => 0),
    );
    answer = (request, response) => {
      if (request.fields["response_format"] === "verbose_json") response.writeHead(400).end("{}");
      else says(response, { text: " Hello. ", usage: { type: "tokens", total_tokens: 17 } });
    };
    const settings = { model: "gpt-transcribe", words: true, dual: false };
    expect(await transcriber().transcribe("RE1.wav", settings)).toEqual({
      text: "Hello.",
      words: [],
      usage: { tokens: 17, seconds: 0 },
    });
    expect(requests.map(({ fields }) => fields["response_format"])).toEqual([
      "verbose_json",
      "verbose_json",
      "json",
    ]);
  });

  it("asks for plain JSON at once where words are not wanted", async () => {
    writeFileSync(
      join(directory, "RE1.wav"),
      makeWav(1, 8_000, () => 0),
    );
    answer = (_, response) => says(response, { text: "Hello." });
    await transcriber().transcribe("RE1.wav", { model: "m", words: false, dual: false });
    expect(requests.map(({ fields }) => fields)).toEqual([{ model: "m", response_format: "json" }]);
  });

  it("cuts a long recording where it is quiet, into pieces that miss nothing, with words at their own time", async () => {
    const seconds = 610;
    const quietFrom = 592;
    writeFileSync(
      join(directory, "RE1.wav"),
      makeWav(1, seconds * 8_000, (_, frame) => {
        const at = frame / 8_000;
        return at >= quietFrom && at < quietFrom + 1 ? 0 : 1_000 + (Math.floor(at) % 100);
      }),
    );
    answer = (_, response) =>
      says(response, { text: "x", words: [{ word: "x", start: 1, end: 2 }] });
    const settings = { model: "whisper-1", words: true, dual: false };
    const transcript = await transcriber().transcribe("RE1.wav", settings);
    const lengths = requests.map(({ audio }) => (audio.length - 44) / 16_000);
    expect(lengths).toHaveLength(2);
    expect(lengths[0]).toBeGreaterThan(quietFrom);
    expect(lengths[0]).toBeLessThan(quietFrom + 1);
    expect(lengths[0]! + lengths[1]!).toBe(seconds);
    expect(transcript.words[1]?.startMs).toBe(Math.round(lengths[0]! * 1_000 + 1_000));
  });

  it.each([
    [401, "upstream_account", false],
    [400, "upstream_rejected", false],
    [429, "upstream_refused", true],
    [500, "upstream_refused", true],
  ])("answers %i with %s, retryable: %s", async (status, code, retryable) => {
    writeFileSync(
      join(directory, "RE1.wav"),
      makeWav(1, 800, () => 0),
    );
    answer = (_, response) => response.writeHead(status).end("{}");
    const settings = { model: "whisper-1", words: false, dual: false };
    await expect(transcriber().transcribe("RE1.wav", settings)).rejects.toMatchObject({
      code,
      retryable,
    });
  });

  it("fails with wire_invalid for a file that is no recording and an answer that is no transcript", async () => {
    const settings = { model: "whisper-1", words: false, dual: false };
    writeFileSync(join(directory, "bad.wav"), "x".repeat(100));
    await expect(transcriber().transcribe("bad.wav", settings)).rejects.toMatchObject({
      code: "wire_invalid",
    });
    writeFileSync(
      join(directory, "RE1.wav"),
      makeWav(1, 800, () => 0),
    );
    answer = (_, response) => response.end("<html>");
    await expect(transcriber().transcribe("RE1.wav", settings)).rejects.toMatchObject({
      code: "wire_invalid",
    });
  });

  it("reads mu-law files too", async () => {
    const wav = makeWav(2, 8_000, () => 0).subarray(0, 44 + 16_000);
    wav.writeUInt16LE(7, 20);
    wav.writeUInt16LE(8, 34);
    wav.writeUInt32LE(16_000, 40);
    for (let i = 44; i < wav.length; i++) wav[i] = i % 2 === 0 ? 0x11 : 0x22;
    writeFileSync(join(directory, "RE1.wav"), wav);
    answer = (_, response) => says(response, { text: "x" });
    const transcript = await transcriber().transcribe("RE1.wav", {
      model: "m",
      words: false,
      dual: true,
    });
    expect(transcript.text).toBe("caller: x\nagent: x");
    expect(requests.map(({ audio }) => new Set(audio.subarray(44)))).toEqual([
      new Set([0x11]),
      new Set([0x22]),
    ]);
  });
});
