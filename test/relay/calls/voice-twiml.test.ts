import { describe, expect, it } from "vitest";
import { apologyTwiml, comfortTwiml, connectTwiml } from "../../../src/relay/calls/voice-twiml.js";
import { agent } from "../../fakes/call-bench.js";

const LINKS = { publicUrl: "https://relay.test", mediaUrl: "wss://relay.test/media-stream" };

describe("TwiML around the agent", () => {
  it("puts the caller on a stream whose end Twilio asks about", () => {
    expect(connectTwiml(agent(), null, LINKS, { token: "t" })).toEqual([
      {
        verb: "connect_stream",
        action: "https://relay.test/connect-ended",
        url: "wss://relay.test/media-stream",
        statusCallback: "https://relay.test/stream-status",
        parameters: { token: "t" },
      },
    ]);
  });

  it("speaks first where the agent has it so", () => {
    expect(connectTwiml(agent({ language: "es" }), "Hola.", LINKS, {})[0]).toEqual({
      verb: "say",
      text: "Hola.",
      language: "es",
    });
  });

  it("apologises in the agent's words and language, and hangs up", () => {
    expect(apologyTwiml(agent({ apology: "Perdón.", language: "es" }))).toEqual([
      { verb: "say", text: "Perdón.", language: "es" },
      { verb: "hangup" },
    ]);
    expect(apologyTwiml(null).at(-1)).toEqual({ verb: "hangup" });
  });

  it("comforts in the caller's language, without a promise", () => {
    expect(comfortTwiml("de")).toEqual([
      { verb: "say", text: "Einen Moment bitte.", language: "de-DE" },
    ]);
  });
});
