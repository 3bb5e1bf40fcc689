import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Script } from "../../sim/model/script.js";
import { type ModelOptions, type SimulatedModel, startModel } from "../../sim/model.js";
import type { SipCarrier } from "../../sim/sip/endpoints.js";
import type { WebhookForgery } from "../../sim/sip/webhook.js";
import { ModelClient } from "./model-client.js";
import { PlainRelay } from "./plain-relay.js";

const SCRIPT: Script = { turns: [{ say: "Hello." }], defaultTurn: { say: "Yes." } };
const ACCEPT = { type: "realtime", model: "gpt-realtime-2.1", instructions: "Be brief." };

let model: SimulatedModel;
let relay: PlainRelay | null = null;
afterEach(async () => {
  await model.close();
  await relay?.close();
  relay = null;
});

/** The carrier's end, by hand. */
class Line implements SipCarrier {
  readonly log: string[] = [];
  onRefer: "accepted" | "refused" | "ignored" = "accepted";
  #waiting: { what: string; resolve: () => void }[] = [];

  answered = () => this.#note("answered");
  refused = (status: number) => this.#note(`refused ${status}`);
  ended = () => this.#note("ended");
  speaking = (on: boolean) => this.#note(on ? "speaks" : "silent");
  refer = (target: string) => {
    this.#note(`refer ${target}`);
    return this.onRefer;
  };

  until(what: string): Promise<void> {
    if (this.log.includes(what)) return Promise.resolve();
    return new Promise((resolve) => void this.#waiting.push({ what, resolve }));
  }

  #note(what: string): void {
    this.log.push(what);
    for (const waiter of this.#waiting) if (waiter.what === what) waiter.resolve();
  }
}

async function start(options: Partial<ModelOptions> = {}): Promise<void> {
  model = await startModel({ script: SCRIPT, ...options });
}

function invite(line = new Line(), headers: Record<string, string> = {}) {
  const uri = `sip:${model.sip.projectId}@sip.api.openai.com;transport=tls`;
  const named = Object.entries(headers).map(([name, value]) => ({ name, value }));
  model.sip.invite(
    { uri, headers: [{ name: "From", value: "<sip:+15550100001@carrier>" }, ...named] },
    line,
  );
  return { line, call: model.sip.calls.at(-1)! };
}

async function rest(callId: string, operation: string, body?: unknown, key = model.apiKey) {
  const reply = await fetch(`${model.baseUrl}/realtime/calls/${callId}/${operation}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  return { status: reply.status, error: text === "" ? null : JSON.parse(text).error };
}

/** A call that is accepted, with its sideband attached. */
async function talk(options: Partial<ModelOptions> = {}, accept: object = ACCEPT) {
  await start(options);
  const { line, call } = invite();
  expect((await rest(call.id, "accept", accept)).status).toBe(200);
  await line.until("answered");
  const client = ModelClient.dial(model, `?call_id=${call.id}`);
  await client.next("session.created");
  return { line, call, client };
}

describe("the webhook of an incoming call", () => {
  const secrets = () => new OpenAI({ apiKey: "k", webhookSecret: model.sip.secret });

  it("is signed so that the SDK believes it, and bears the headers in their order", async () => {
    await start();
    relay = new PlainRelay();
    model.sip.deliverTo(`${await relay.listen()}/openai/webhook`);
    const { call } = invite(new Line(), { "X-Corr": "abc", "x-corr": "def" });
    await call.events.until("delivery");
    const { headers } = relay.seen[0]!;
    const event = await secrets().webhooks.unwrap(call.body, headers as Record<string, string>);
    expect(event).toMatchObject({
      type: "realtime.call.incoming",
      data: {
        call_id: call.id,
        sip_headers: [
          { name: "From", value: "<sip:+15550100001@carrier>" },
          { name: "X-Corr", value: "abc" },
          { name: "x-corr", value: "def" },
        ],
      },
    });
    expect(relay.seen[0]).toMatchObject({ method: "POST", path: "/openai/webhook" });
  });

  it.each<WebhookForgery>([
    "unsigned",
    "wrong_secret",
    "wrong_body",
    "wrong_id",
    "wrong_time",
    "garbage",
    "wrong_version",
  ])("is not believed when it is %s", async (forgery) => {
    await start();
    relay = new PlainRelay();
    const url = await relay.listen();
    const { call } = invite();
    await model.sip.announce(call, { url, forgery });
    const headers = relay.seen[0]!.headers as Record<string, string>;
    await expect(secrets().webhooks.unwrap(call.body, headers)).rejects.toThrow();
  });

  it("is believed after a rotation of keys, and not when it is old", async () => {
    await start();
    relay = new PlainRelay();
    const url = await relay.listen();
    const { call } = invite();
    await model.sip.announce(call, { url, forgery: "rotated" });
    await model.sip.announce(call, { url, timestampS: Math.floor(Date.now() / 1000) - 301 });
    const [good, old] = relay.seen.map(({ headers }) => headers as Record<string, string>);
    await secrets().webhooks.unwrap(call.body, good!);
    await expect(secrets().webhooks.unwrap(call.body, old!)).rejects.toThrow(/old/);
  });

  it("comes again, under the same id, until it is answered 2xx", async () => {
    await start({ sip: { retriesMs: [5, 5], copies: 2 } });
    relay = new PlainRelay();
    relay.paths["/openai/webhook"] = 500;
    model.sip.deliverTo(`${await relay.listen()}/openai/webhook`);
    invite();
    while (relay.seen.length < 4) await new Promise(setImmediate);
    relay.paths["/openai/webhook"] = 200;
    while (relay.seen.length < 6) await new Promise(setImmediate);
    await model.sip.settled();
    expect(new Set(relay.seen.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(relay.seen).toHaveLength(6);
  });

  it("comes again though it was answered, when a test says so", async () => {
    await start({ sip: { repeatsMs: [5, 10] } });
    relay = new PlainRelay();
    model.sip.deliverTo(`${await relay.listen()}/openai/webhook`);
    invite();
    while (relay.seen.length < 3) await new Promise(setImmediate);
    await model.sip.settled();
    expect(new Set(relay.seen.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(model.sip.deliveries.map(({ status }) => status)).toEqual([204, 204, 204]);
  });

  it("is never sent for another project's address", async () => {
    await start();
    const line = new Line();
    model.sip.invite({ uri: "sip:proj_other@sip.api.openai.com;transport=tls", headers: [] }, line);
    await line.until("refused 404");
    expect(model.violations()).toHaveLength(1);
  });
});

describe("a SIP call is steered by REST", () => {
  it("accept answers it, and the model waits to be asked", async () => {
    await start();
    const { line, call } = invite();
    expect(call.state).toBe("ringing");
    expect(await rest(call.id, "accept", ACCEPT)).toEqual({ status: 200, error: null });
    await line.until("answered");
    expect(call.session?.config).toMatchObject({
      instructions: "Be brief.",
      model: "gpt-realtime-2.1",
    });
    expect(call.session?.responses).toEqual([]);
    expect(model.violations()).toEqual([]);
  });

  const audio = (input: object, output: object = {}) => ({ ...ACCEPT, audio: { input, output } });
  it.each<[string, unknown, string]>([
    ["the session wrapped", { session: ACCEPT }, "missing_required_parameter"],
    ["no type", { model: "gpt-realtime-2.1" }, "missing_required_parameter"],
    ["no model", { type: "realtime" }, "missing_required_parameter"],
    ["an unknown field", { ...ACCEPT, temperature: 0.6 }, "unknown_parameter"],
    ["an unknown model", { ...ACCEPT, model: "gpt-realtime-99" }, "invalid_model"],
    [
      "a threshold",
      audio({ turn_detection: { type: "server_vad", threshold: 0.5 } }),
      "unknown_parameter",
    ],
    [
      "a padding",
      audio({ turn_detection: { type: "server_vad", prefix_padding_ms: 300 } }),
      "unknown_parameter",
    ],
    [
      "a silence duration",
      audio({ turn_detection: { type: "server_vad", silence_duration_ms: 500 } }),
      "unknown_parameter",
    ],
  ])("accept refuses %s", async (_name, body, code) => {
    await start();
    const { call } = invite();
    expect(await rest(call.id, "accept", body)).toMatchObject({ status: 400, error: { code } });
    expect(call.state).toBe("ringing");
    expect(model.violations()).toHaveLength(1);
  });

  it("accept takes audio formats, as the official SDK sends them, and ignores them", async () => {
    const format = { type: "audio/pcm", rate: 24_000 };
    await start();
    const { line, call } = invite();
    const reply = await rest(call.id, "accept", audio({ format }, { format }));
    expect(reply).toEqual({ status: 200, error: null });
    await line.until("answered");
    expect(model.violations()).toEqual([]);
  });

  it("accept refuses the part that a test names, which is no mistake of the client's", async () => {
    await start({ faults: { refuseParts: [{ path: "audio.input.transcription.model" }] } });
    const { call } = invite();
    const body = audio({ transcription: { model: "gpt-live-transcribe" } });
    expect(await rest(call.id, "accept", body)).toMatchObject({
      status: 400,
      error: { param: "audio.input.transcription.model" },
    });
    expect((await rest(call.id, "accept", ACCEPT)).status).toBe(200);
    expect(model.violations()).toEqual([]);
  });

  it("only once, only with the key, and only while it rings", async () => {
    await start();
    const { line, call } = invite();
    expect((await rest(call.id, "accept", ACCEPT, "wrong")).status).toBe(401);
    expect((await rest(call.id, "accept", ACCEPT)).status).toBe(200);
    expect((await rest(call.id, "accept", ACCEPT)).status).toBe(400);
    expect((await rest(call.id, "reject", { status_code: 486 })).status).toBe(400);
    expect((await rest("rtc_none", "accept", ACCEPT)).status).toBe(404);
    expect((await rest(call.id, "hangup")).status).toBe(200);
    await line.until("ended");
    expect((await rest(call.id, "hangup")).status).toBe(404);
    expect(await call.ended).toBe("hangup");
  });

  it("reject refuses it: 603 by default", async () => {
    await start();
    const [first, second] = [invite(), invite()];
    await rest(first.call.id, "reject");
    await rest(second.call.id, "reject", { status_code: 486 });
    expect(first.line.log).toEqual(["refused 603"]);
    expect(second.line.log).toEqual(["refused 486"]);
    expect((await rest(second.call.id, "accept", ACCEPT)).status).toBe(404);
  });

  it("is gone when the caller hangs up while it rings, or when it is not accepted", async () => {
    await start({ sip: { ringMs: 20 } });
    const { line, call } = invite();
    await line.until("refused 480");
    expect(call.ending).toBe("rang_out");
    const gone = invite().call;
    gone.bye();
    expect((await rest(gone.id, "accept", ACCEPT)).status).toBe(404);
    expect(model.violations()).toEqual([]);
  });

  it("refer asks the carrier; one that takes it ends the call", async () => {
    const { line, call } = await talk();
    for (const target_uri of ["+15551112222", "https://relay.test", ""])
      expect((await rest(call.id, "refer", { target_uri })).status).toBe(400);
    line.onRefer = "refused";
    expect((await rest(call.id, "refer", { target_uri: "tel:+15551112222" })).status).toBe(200);
    expect(call.state).toBe("live");
    line.onRefer = "accepted";
    expect((await rest(call.id, "refer", { target_uri: "sip:desk@pbx.test" })).status).toBe(200);
    expect(await call.ended).toBe("refer");
    expect(call.refers).toEqual(["tel:+15551112222", "sip:desk@pbx.test"]);
  });

  it.each([
    ["404", 404, "over"],
    ["429", 429, "ringing"],
    ["500", 500, "ringing"],
    ["500_after", 500, "live"],
  ] as const)("can fail: %s", async (kind, status, state) => {
    await start();
    const { call } = invite();
    model.sip.fail({ operation: "accept", kind });
    expect((await rest(call.id, "accept", ACCEPT)).status).toBe(status);
    expect(call.state).toBe(state);
  });
});

describe("a sideband", () => {
  it("is refused before the call is accepted, and when it is over", async () => {
    await start();
    const { call } = invite();
    const early = ModelClient.dial(model, `?call_id=${call.id}`);
    await early.closed;
    expect(model.violations()).toHaveLength(1);
    await rest(call.id, "accept", ACCEPT);
    await rest(call.id, "hangup");
    await ModelClient.dial(model, `?call_id=${call.id}`).closed;
    expect(model.violations()).toHaveLength(1);
    expect(model.refused).toHaveLength(2);
  });

  it("is told when the caller really hears the model, and gets no sound", async () => {
    const { line, client } = await talk({ sip: { playSpeed: 4 } });
    client.send({ type: "response.create" });
    await client.next("output_audio_buffer.stopped");
    expect(line.log).toEqual(["answered", "speaks", "silent"]);
    const types = client.events.map(({ type }) => type);
    expect(types).not.toContain("response.output_audio.delta");
    expect(types.indexOf("output_audio_buffer.started")).toBeLessThan(
      types.indexOf("response.done"),
    );
    expect(types.indexOf("output_audio_buffer.stopped")).toBeGreaterThan(
      types.indexOf("response.done"),
    );
    const [started, stopped] = client.events.filter(({ type }) =>
      type.startsWith("output_audio_buffer"),
    );
    expect(started!["response_id"]).toBe(stopped!["response_id"]);
  });

  it("learns the keys, and what the caller says turns into a response", async () => {
    const { call, client } = await talk(
      { script: { ...SCRIPT, transcripts: ["Where is it?"] } },
      {
        ...ACCEPT,
        audio: { input: { transcription: { model: "gpt-live-transcribe" } } },
      },
    );
    call.key("0");
    expect(await client.next("input_audio_buffer.dtmf_event_received")).toMatchObject({
      event: "0",
    });
    const speech = Buffer.concat([speechLike(400), Buffer.alloc(8000, 0xff)]);
    for (let at = 0; at < speech.length; at += 160) call.audio(speech.subarray(at, at + 160));
    const heard = await client.next("conversation.item.input_audio_transcription.completed");
    expect(heard).toMatchObject({ transcript: "Where is it?" });
    await client.next("response.done");
    expect(model.violations()).toEqual([]);
  });

  it("sees the caller interrupt: playback stops, and the server cuts its own memory", async () => {
    const { line, call, client } = await talk({
      script: {
        turns: [{ say: "A long story, which goes on and on and on, and has no end at all." }],
      },
    });
    client.send({ type: "response.create" });
    await line.until("speaks");
    await client.next("response.done");
    const speech = speechLike(200);
    for (let at = 0; at < speech.length; at += 160) call.audio(speech.subarray(at, at + 160));
    await client.next("output_audio_buffer.cleared");
    const cut = await client.next("conversation.item.truncated");
    expect(cut["audio_end_ms"]).toBeLessThan(4000);
    expect(line.log.at(-1)).toBe("silent");
  });

  it("may be lost and attached again: the call goes on, with its settings", async () => {
    const { line, call, client } = await talk();
    client.send({
      type: "session.update",
      session: { type: "realtime", instructions: "Be kind." },
    });
    await client.next("session.updated");
    call.session?.crash();
    await client.closed;
    expect(call.state).toBe("live");
    const again = ModelClient.dial(model, `?call_id=${call.id}`);
    const created = await again.next("session.created");
    expect(created["session"]).toMatchObject({ instructions: "Be kind." });
    again.send({ type: "response.create" });
    await again.next("response.done");
    expect(call.session?.sidebands).toHaveLength(2);
    call.bye();
    expect(await again.closed).toMatchObject({ code: 1000 });
    expect(line.log).not.toContain("ended");
  });

  it("may clear the playback, but neither send sound nor choose formats or thresholds", async () => {
    const { client } = await talk();
    client.send({ type: "response.create" });
    await client.next("output_audio_buffer.started");
    client.send({ type: "response.cancel" });
    client.send({ type: "output_audio_buffer.clear" });
    await client.next("output_audio_buffer.cleared");
    expect(model.violations()).toEqual([]);
    const session = { type: "realtime", audio: { input: { format: { type: "audio/pcmu" } } } };
    client.send({ type: "session.update", session });
    client.send({
      type: "input_audio_buffer.append",
      audio: Buffer.alloc(160, 0xff).toString("base64"),
    });
    await client.next("error");
    while (model.violations().length < 2) await new Promise(setImmediate);
    expect(model.violations().join()).toMatch(/format.*audio appended on a sideband/s);
  });

  it("closes with the call when the model's end dies, or the session's time is up", async () => {
    const dead = await talk();
    dead.call.die();
    expect(await dead.client.closed).toMatchObject({ code: 1006 });
    expect(dead.line.log.at(-1)).toBe("ended");
    const { call, line } = invite();
    await rest(call.id, "accept", ACCEPT);
    const client = ModelClient.dial(model, `?call_id=${call.id}`);
    await client.next("session.created");
    call.session?.expire();
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(await call.ended).toBe("expired");
    expect(line.log).toContain("ended");
  });
});
