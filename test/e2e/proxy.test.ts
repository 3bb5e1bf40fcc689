import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { heardMs } from "../../sim/twilio/heard.js";
import { type ConnectProxy, startConnectProxy } from "../fakes/connect-proxy.js";
import { startSipStage } from "../fakes/sip-stage.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(600, 1) };

let stage: Stage | null = null;
let proxy: ConnectProxy | null = null;
afterEach(async () => {
  await stage?.close();
  await proxy?.close();
  stage = null;
  proxy = null;
});

describe("a call behind a forward proxy", () => {
  it("reaches the model and Twilio through the proxy alone, and is heard as without", async () => {
    proxy = await startConnectProxy({ hosts: "any" });
    stage = await startStage(
      {
        turns: [
          { say: GREETING },
          { calls: [{ name: "transfer_call", arguments: { destination: "desk", reason: "x" } }] },
        ],
        transcripts: ["A human, please."],
      },
      { env: { HTTPS_PROXY: proxy.url } },
    );
    const call = stage.twilio.placeCall();
    await stage.until(call.sid, "agent_heard");
    expect(heardMs(call.streams[0]!, GREETING.audio)).toBe(600);
    await call.say(speechLike(700, 2));
    await call.events.until("dial_bridged", {}, 20_000);
    await call.ended;
    const hosts = [stage.model.url, stage.twilio.apiBaseUrl].map((url) => new URL(url).host);
    expect(new Set(proxy.asked)).toEqual(new Set(hosts));
  });

  it("by SIP is accepted and steered through the proxy alone", async () => {
    proxy = await startConnectProxy({ hosts: "any" });
    const sip = await startSipStage({ env: { HTTPS_PROXY: proxy.url }, destinations: ["desk"] });
    stage = sip;
    const caller = sip.place();
    const call = await sip.greeted();
    await sip.ask(caller);
    await sip.said(call, 3);
    caller.hangUp();
    await sip.until(caller.sid, "ended");
    const { model, twilio } = sip;
    const hosts = [model.url, model.baseUrl, twilio.apiBaseUrl].map((url) => new URL(url).host);
    expect(new Set(proxy.asked)).toEqual(new Set(hosts));
    expect(model.violations()).toEqual([]);
  });
});
