import { describe, expect, it } from "vitest";
import { WireError } from "../../src/domain/errors.js";
import {
  MAX_SIP_WEBHOOK_BYTES,
  parseSipWebhook,
  sipHeader,
  sipHeaders,
} from "../../src/wire/sip-webhook.js";
import { bytesOf } from "./json-text.js";

const parse = (value: unknown) => parseSipWebhook(bytesOf(JSON.stringify(value)));

const INCOMING = {
  object: "event",
  id: "evt_1",
  type: "realtime.call.incoming",
  created_at: 1790000000,
  data: {
    call_id: "rtc_1",
    sip_media_security: "srtp",
    sip_headers: [
      { name: "From", value: "<sip:+15550100@example.com>" },
      { name: "X-Corr", value: "abc" },
      { name: "x-corr", value: "def" },
    ],
  },
};
const withData = (change: object) => ({ ...INCOMING, data: { ...INCOMING.data, ...change } });

describe("parseSipWebhook", () => {
  it("reads an incoming call, its headers in order and with repeats", () => {
    expect(parse(INCOMING)).toEqual({
      type: "realtime.call.incoming",
      callId: "rtc_1",
      mediaSecurity: "srtp",
      headers: INCOMING.data.sip_headers,
    });
  });

  it.each([undefined, null, "zrtp"])(
    "does without media security it knows: %s",
    (sip_media_security) => {
      expect(parse(withData({ sip_media_security }))).toMatchObject({ mediaSecurity: null });
    },
  );

  it("wants no more than the call's id", () => {
    expect(parse({ type: INCOMING.type, data: { call_id: "rtc_1" } })).toEqual({
      type: "realtime.call.incoming",
      callId: "rtc_1",
      mediaSecurity: null,
      headers: [],
    });
  });

  it("leaves other events alone", () => {
    expect(parse({ type: "live.call.incoming", data: { session_id: "live_1" } })).toEqual({
      type: "unknown",
      name: "live.call.incoming",
    });
  });

  it.each([
    ["no type", { ...INCOMING, type: undefined }],
    ["no call id", withData({ call_id: undefined })],
    ["headers as a map", withData({ sip_headers: { From: "x" } })],
    ["a header without value", withData({ sip_headers: [{ name: "From" }] })],
  ])("refuses %s", (_, body) => expect(() => parse(body)).toThrow(WireError));

  it("refuses a body over the limit", () => {
    expect(() => parseSipWebhook(new Uint8Array(MAX_SIP_WEBHOOK_BYTES + 1))).toThrow(/65537 bytes/);
  });
});

describe("sipHeader and sipHeaders", () => {
  const headers = INCOMING.data.sip_headers;

  it("find a header whatever its case", () => {
    expect(sipHeader(headers, "X-CORR")).toBe("abc");
    expect(sipHeaders(headers, "X-CORR")).toEqual(["abc", "def"]);
  });

  it("say when there is none", () => {
    expect(sipHeader(headers, "To")).toBeNull();
    expect(sipHeaders(headers, "To")).toEqual([]);
  });
});
