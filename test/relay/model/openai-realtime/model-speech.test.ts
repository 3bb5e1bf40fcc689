import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId } from "../../../../src/domain/ids.js";
import { ModelSpeech } from "../../../../src/relay/model/openai-realtime/model-speech.js";
import { Responses } from "../../../../src/relay/model/openai-realtime/responses.js";
import { TextLimit } from "../../../../src/relay/model/openai-realtime/text-limit.js";

function open() {
  const audio: [item: object, base64: string][] = [];
  const texts: [itemId: string, text: string][] = [];
  const responses = new Responses();
  const speech = new ModelSpeech(
    {
      audio: (item, base64, start, end) =>
        void audio.push([item, Buffer.from(base64.subarray(start, end)).toString("latin1")]),
      agentText: (itemId, text) => void texts.push([itemId, text]),
    },
    responses,
    new TextLimit(),
  );
  const says = (type: string, item: string, delta: string, response = "r1", id = "event_1") =>
    speech.message(
      new TextEncoder().encode(
        JSON.stringify({
          type: `response.${type}.delta`,
          event_id: id,
          response_id: response,
          item_id: item,
          output_index: 0,
          content_index: 0,
          delta,
          ...(type === "output_audio" ? {} : { obfuscation: "x7Fq" }),
        }),
      ),
    );
  return { speech, responses, audio, texts, says };
}

describe("ModelSpeech", () => {
  it("hands on audio, with one object for all that belongs to an item", () => {
    const { audio, says, responses } = open();
    expect(says("output_audio", "i1", "AAAA")).toBe(true);
    says("output_audio", "i1", "BBBB");
    says("output_audio", "i2", "CCCC");
    expect(audio.map(([, base64]) => base64)).toEqual(["AAAA", "BBBB", "CCCC"]);
    expect(audio[0]![0]).toBe(audio[1]![0]);
    expect(audio[2]![0]).toMatchObject({ itemId: "i2", responseId: "r1", contentIndex: 0 });
    expect(responses.hasSpoken).toBe(true);
  });

  it("hands on the transcript of an item, whether its audio came before or not", () => {
    const { texts, says } = open();
    says("output_audio_transcript", "i1", "Hel");
    says("output_audio", "i1", "AAAA");
    says("output_audio_transcript", "i1", "lo");
    expect(texts).toEqual([
      ["i1", "Hel"],
      ["i1", "lo"],
    ]);
  });

  it("drops what comes of an interrupted response, and notes the items that were not heard", () => {
    const { speech, responses, audio, says } = open();
    says("output_audio", "i1", "AAAA");
    speech.interrupt("r1" as ResponseId);
    says("output_audio", "i1", "BBBB");
    says("output_audio", "i2", "CCCC");
    const parsed = { itemId: "i3" as ItemId, responseId: "r1" as ResponseId, contentIndex: 0 };
    speech.parsedAudio(parsed, "DDDD");
    says("output_audio", "i4", "EEEE", "r2");
    expect(audio.map(([, base64]) => base64)).toEqual(["AAAA", "EEEE"]);
    expect(responses.takeUnheard()).toEqual(["i2", "i3"]);
  });

  it("plays once, and writes once, what the server sends twice in succession", () => {
    const { audio, texts, says } = open();
    for (const id of ["e1", "e2", "e2", "e3", "e3"]) {
      expect(says("output_audio", "i1", "AAAA", "r1", id)).toBe(true);
      expect(says("output_audio_transcript", "i1", "ha ", "r1", `${id}t`)).toBe(true);
    }
    expect(audio.map(([, base64]) => base64)).toEqual(["AAAA", "AAAA", "AAAA"]);
    expect(texts).toEqual([
      ["i1", "ha "],
      ["i1", "ha "],
      ["i1", "ha "],
    ]);
  });

  it("leaves any other event alone", () => {
    const { says, texts, audio } = open();
    expect(says("output_text", "i1", "Hello")).toBe(false);
    expect([texts, audio]).toEqual([[], []]);
  });
});
