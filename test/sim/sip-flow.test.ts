import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import type { Party } from "../../sim/twilio/party.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { ModelClient } from "./model-client.js";
import { PlainRelay, PUBLIC } from "./plain-relay.js";

const TARGET = "+15557770001";

/**
 * The minimum of a relay on the SIP path while nothing goes wrong: it shows that the simulators can
 * act the whole of such a call.
 */
class SmallRelay {
  readonly plain = new PlainRelay();
  readonly model: SimulatedModel;
  readonly twilio: SimulatedTwilio;
  /** Steps that failed. */
  readonly failures: string[] = [];

  private constructor(model: SimulatedModel, twilio: SimulatedTwilio) {
    this.model = model;
    this.twilio = twilio;
  }

  static async start(party: Party): Promise<SmallRelay> {
    const model = await startModel({
      script: {
        turns: [
          { say: "Hello." },
          { calls: [{ name: "transfer_call", arguments: {} }] },
          { say: "One moment, please." },
        ],
        transcripts: ["A person, please."],
      },
      sip: { playSpeed: 4 },
    });
    const twilio = await startTwilio({
      publicUrl: PUBLIC,
      speed: 20,
      sip: model.sip.invite,
      callees: () => party,
    });
    const relay = new SmallRelay(model, twilio);
    const url = await relay.plain.listen();
    twilio.route(PUBLIC, url);
    model.sip.deliverTo(`${url}/openai/webhook`);
    relay.#answerPaths();
    return relay;
  }

  async close(): Promise<void> {
    await this.twilio.close();
    await this.model.close();
    await this.plain.close();
  }

  #answerPaths(): void {
    const { paths } = this.plain;
    const conference = (label: string, ends: boolean, name: string) =>
      `<Dial action="${PUBLIC}/after"><Conference participantLabel="${label}" endConferenceOnExit="${ends}" ` +
      `statusCallback="${PUBLIC}/conference-events" statusCallbackEvent="start end join leave">${name}</Conference></Dial>`;
    paths["/after"] = "<Hangup/>";
    paths["/incoming-call"] = ({ form }) => {
      const { CallSid = "", From = "", CallToken = "" } = form;
      void this.#rest(`/Conferences/${CallSid}/Participants.json`, {
        From,
        CallToken,
        To: `${this.model.sip.address}?X-Call=${CallSid}`,
        Label: "virtual agent",
        EarlyMedia: "false",
      });
      return conference("customer", true, CallSid);
    };
    paths["/openai/webhook"] = () => {
      this.#accept().catch((error: unknown) => this.failures.push(String(error)));
      return 200;
    };
    paths["/briefing"] =
      `<Gather action="${PUBLIC}/accepted" numDigits="1"><Say>A caller wants a person. Press 1.</Say></Gather><Hangup/>`;
    paths["/accepted"] = ({ form }) =>
      form["Digits"] === "1"
        ? conference("target", false, this.model.sip.calls[0]!.header("X-Call")!)
        : "<Hangup/>";
    paths["/conference-events"] = ({ form }) => {
      if (
        form["StatusCallbackEvent"] === "participant-join" &&
        form["ParticipantLabel"] === "target"
      )
        void this.#modelRest("hangup");
      return 204;
    };
  }

  async #accept(): Promise<void> {
    const call = this.model.sip.calls[0]!;
    await this.#modelRest("accept", {
      type: "realtime",
      model: "gpt-realtime-2.1",
      instructions: "Be brief.",
    });
    const sideband = ModelClient.dial(this.model, `?call_id=${call.id}`);
    await sideband.next("session.created");
    sideband.send({ type: "response.create" });
    const asked = await sideband.next("response.function_call_arguments.done");
    await sideband.next("response.done");
    sideband.send({
      type: "conversation.item.create",
      item: {
        type: "function_call_output",
        call_id: asked["call_id"],
        output: '{"status":"calling"}',
      },
    });
    sideband.send({ type: "response.create" });
    const { from, callToken } = this.twilio.legs[0]!;
    await this.#rest("/Calls.json", {
      From: from,
      CallToken: callToken,
      To: TARGET,
      Url: `${PUBLIC}/briefing`,
    });
  }

  async #modelRest(operation: string, body?: object): Promise<void> {
    const call = this.model.sip.calls[0]!;
    await fetch(`${this.model.baseUrl}/realtime/calls/${call.id}/${operation}`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.model.apiKey}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async #rest(path: string, form: Record<string, string>): Promise<void> {
    const { twilio } = this;
    const reply = await fetch(
      `${twilio.apiBaseUrl}/2010-04-01/Accounts/${twilio.accountSid}${path}`,
      {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`${twilio.accountSid}:${twilio.authToken}`)}` },
        body: new URLSearchParams(form),
      },
    );
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
  }
}

let relay: SmallRelay | null = null;
afterEach(async () => {
  await relay?.close();
  relay = null;
});

describe("the simulators together", () => {
  it("act a call: conference, webhook, accept, greeting, tool, transfer target, and the model leaves", async () => {
    relay = await SmallRelay.start({ keys: () => "1" });
    const { twilio, model, plain } = relay;
    const caller = twilio.placeCall();
    const call = await model.sip.call(0);
    await call.events.until("speaking", { on: false });
    await caller.say(speechLike(400));
    expect(await call.ended).toBe("hangup");
    const target = twilio.legs.find((leg) => leg.to === TARGET)!;
    const { connections } = twilio;
    expect(connections.now(caller.sid)).toMatchObject({ live: true, with: ["target"] });
    expect(connections.now(target.sid).with).toEqual(["customer"]);
    expect(connections.longestAloneMs(caller.sid)).toBeLessThan(2_000);
    caller.hangUp();
    await target.ended;
    expect(twilio.legs.every((leg) => leg.over)).toBe(true);
    expect([...twilio.violations(), ...model.violations(), ...relay.failures]).toEqual([]);
    const { headers } = plain.seen.find(({ path }) => path === "/openai/webhook")!;
    const verified = new Webhook(model.sip.secret).verify(
      call.body,
      headers as Record<string, string>,
    );
    expect(verified).toMatchObject({ type: "realtime.call.incoming" });
  });

  it("show a caller left alone when the model leaves too early", async () => {
    relay = await SmallRelay.start({ outcome: "busy" });
    const { twilio, model } = relay;
    const caller = twilio.placeCall();
    const call = await model.sip.call(0);
    await call.events.until("speaking", { on: false });
    call.die();
    await twilio.legs[1]!.ended;
    expect(twilio.connections.now(caller.sid)).toEqual(
      expect.objectContaining({ live: true, with: [], talking: [], sound: null }),
    );
    expect(twilio.connections.text(caller.sid)).toContain("with no one");
    await expect.poll(() => relay?.failures).toEqual([expect.stringContaining("closed before")]);
  });
});
