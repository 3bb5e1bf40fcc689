import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SessionProfile } from "../../../src/relay/model/model-session.js";
import { acceptedSession } from "../../../src/relay/sip/accepted-session.js";
import { CALL_HEADER, readInvite } from "../../../src/relay/sip/invite.js";
import type { SipHeader } from "../../../src/wire/sip-webhook.js";

const CALL = `CA${"0".repeat(31)}7`;

function read(headers: readonly (readonly [name: string, value: string])[]) {
  return readInvite({
    type: "realtime.call.incoming",
    callId: "rtc_1",
    mediaSecurity: null,
    headers: headers.map(([name, value]): SipHeader => ({ name, value })),
  });
}

describe("the number that was dialled", () => {
  it.each<[string, readonly (readonly [string, string])[], string]>([
    ["stands in To", [["To", "<sip:+15550001111@relay.example;transport=tls>"]], "+15550001111"],
    ["is a tel: URI", [["To", "tel:+15550001111"]], "+15550001111"],
    ["has a name in front", [["to", '"Front, door" <sips:+15550001111@h>;tag=1']], "+15550001111"],
    [
      "stands in Diversion, where To names the project",
      [
        ["To", "<sip:proj_1@sip.api.openai.com;transport=tls>"],
        ["Diversion", "<sip:+15550001111@twilio.com>;reason=unconditional"],
      ],
      "+15550001111",
    ],
    [
      "is that of the first of several diversions, which is written last",
      [
        ["Diversion", "<sip:+15550002222@h>"],
        ["diversion", "<sip:+15550003333@h>, <sip:+15550001111@h>"],
      ],
      "+15550001111",
    ],
    ["is nothing that can be believed", [["To", "<sip:+1555000111122223333@h>"]], ""],
    ["is in no header", [], ""],
  ])("%s", (_name, headers, dialled) => {
    expect(read(headers).dialled).toBe(dialled);
  });
});

describe("our own header", () => {
  it("is read whatever its case", () => {
    expect(read([["x-murelay-call", `${CALL}.3.a.b-_.c`]]).claim).toEqual({
      callSid: CALL,
      leg: 3,
      token: "a.b-_.c",
    });
  });

  it.each([
    ["twice", [`${CALL}.1.a.b.c`, `${CALL}.1.a.b.c`]],
    ["empty", [""]],
    ["without a leg", [`${CALL}.a.b.c`]],
    ["with another SID", ["CB0.1.a.b.c"]],
    ["longer than any", [`${CALL}.1.${"a".repeat(201)}`]],
  ])("is malformed when it is there %s", (_name, values) => {
    expect(read(values.map((value) => [CALL_HEADER, value])).claim).toBe("malformed");
  });

  it("is the only one that claims anything: no other header changes what is read", () => {
    const headers = fc.array(
      fc.tuple(
        fc.string().filter((name) => !/^(x-murelay-call|from|to|diversion)$/i.test(name)),
        fc.string(),
      ),
    );
    fc.assert(
      fc.property(headers, (more) => {
        const own = [
          ["From", "<sip:+15550100001@h>"],
          ["To", "<sip:+15550001111@h>"],
        ] as const;
        expect(read([...more, ...own])).toEqual(read(own));
      }),
    );
  });
});

describe("what is accepted", () => {
  const profile: SessionProfile = {
    model: "gpt-realtime-2.1",
    voice: "marin",
    instructions: "Be brief.",
    turnDetection: {
      type: "server_vad",
      threshold: 0.4,
      prefixPaddingMs: 200,
      silenceDurationMs: 700,
      idleTimeoutMs: 6_000,
      createResponse: true,
      interruptResponse: false,
    },
    noiseReduction: "near_field",
    transcription: { model: "gpt-live-transcribe", language: null },
    tools: [{ type: "function", name: "lookup_order", description: "d", parameters: {} }],
  };

  it("is the agent's session, but for what SIP settles itself", () => {
    expect(acceptedSession(profile)).toEqual({
      type: "realtime",
      model: "gpt-realtime-2.1",
      instructions: "Be brief.",
      output_modalities: ["audio"],
      audio: {
        input: {
          noise_reduction: { type: "near_field" },
          transcription: { model: "gpt-live-transcribe" },
          turn_detection: {
            type: "server_vad",
            idle_timeout_ms: 6_000,
            create_response: true,
            interrupt_response: false,
          },
        },
        output: { voice: "marin" },
      },
      tools: [{ type: "function", name: "lookup_order", description: "d", parameters: {} }],
      tool_choice: "auto",
    });
  });

  it("has the agent's speed", () => {
    const settings = { speed: 1.2 };
    expect(acceptedSession({ ...profile, settings }).audio?.output).toEqual({
      voice: "marin",
      speed: 1.2,
    });
  });

  it("keeps the eagerness of semantic turns", () => {
    const turns = {
      type: "semantic_vad",
      eagerness: "low",
      createResponse: true,
      interruptResponse: true,
    } as const;
    expect(
      acceptedSession({ ...profile, turnDetection: turns }).audio?.input?.turn_detection,
    ).toEqual({
      type: "semantic_vad",
      eagerness: "low",
      create_response: true,
      interrupt_response: true,
    });
  });
});
