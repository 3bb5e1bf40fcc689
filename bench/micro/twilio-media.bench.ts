import { bench, describe } from "vitest";
import type { StreamSid } from "../../src/domain/ids.js";
import { MediaScan, parseTwilioMessage, scanMedia } from "../../src/wire/twilio-media.js";
import { TwilioWriter } from "../../src/wire/twilio-writer.js";

const frame = Uint8Array.from({ length: 160 }, (_, i) => (i * 37) & 0xff);
const payload = Buffer.from(frame).toString("base64");
const message = new Uint8Array(
  Buffer.from(
    `{"event":"media","sequenceNumber":"1234","media":{"track":"inbound","chunk":"1233","timestamp":"24660","payload":"${payload}"},"streamSid":"MZ0123456789abcdef0123456789abcdef"}`,
  ),
);

describe("a media message in, 20 ms", () => {
  const out = new MediaScan();
  bench("scanMedia", () => {
    if (!scanMedia(message, out)) throw new Error("not found");
  });
  bench("parseTwilioMessage", () => {
    parseTwilioMessage(message);
  });
});

describe("a media message out, 20 ms", () => {
  const writer = new TwilioWriter("MZ0123456789abcdef0123456789abcdef" as StreamSid);
  bench("TwilioWriter.media", () => {
    writer.media(frame, 0, frame.length);
  });
  bench("JSON.stringify", () => {
    const media = { payload: Buffer.from(frame).toString("base64") };
    Buffer.from(
      JSON.stringify({ event: "media", streamSid: "MZ0123456789abcdef0123456789abcdef", media }),
    );
  });
  bench("TwilioWriter.mark", () => {
    writer.mark(12, 345);
  });
});
