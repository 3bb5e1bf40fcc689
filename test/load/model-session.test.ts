import { describe, expect, it } from "vitest";
import { Meters } from "../../bench/load/meters.js";
import { ModelSession } from "../../bench/load/model-session.js";
import { DEFAULT_SCENARIO, type Faults, type Scenario } from "../../bench/load/scenario.js";
import { Random } from "../../bench/random.js";

const MULAW = { format: { type: "audio/pcmu" } };

function session(scenario: Scenario = DEFAULT_SCENARIO): {
  session: ModelSession;
  say(event: object): void;
  sent: Record<string, unknown>[];
} {
  const sent: Record<string, unknown>[] = [];
  const made = new ModelSession(1, {
    scenario,
    random: new Random(1),
    meters: new Meters(),
    send: (text) => sent.push(JSON.parse(text)),
    unclaimed: () => {},
  });
  return { session: made, sent, say: (event) => made.message(Buffer.from(JSON.stringify(event))) };
}

const update = (fields: object) => ({
  type: "session.update",
  session: { type: "realtime", ...fields },
});

describe("the model of load runs", () => {
  it("takes an update of something else before the one with the formats", () => {
    const { session: model, say } = session();
    say(update({ tracing: "auto" }));
    expect(model.readyMs).toBe(-1);
    say(update({ audio: { input: MULAW, output: MULAW } }));
    expect(model.readyMs).toBeGreaterThanOrEqual(0);
    say({ type: "input_audio_buffer.append", audio: "////" });
    expect(model.fault).toBeNull();
  });

  it.each([
    ["audio", { type: "input_audio_buffer.append", audio: "////" }],
    ["an answer", { type: "response.create" }],
  ])("cannot serve a telephone when %s comes before the formats", (_what, event) => {
    const { session: model, say } = session();
    say(update({ audio: { input: MULAW } }));
    say(event);
    expect(model.fault).toBe("session is not mu-law");
  });

  it("cannot serve a telephone in another format", () => {
    const { session: model, say } = session();
    say(
      update({ audio: { input: MULAW, output: { format: { type: "audio/pcm", rate: 24000 } } } }),
    );
    expect(model.fault).toBe("session is not mu-law");
  });

  it("gives back an item that it has spoken, and refuses one that it has not", () => {
    const { session: model, say, sent } = session();
    say(update({ audio: { input: MULAW, output: MULAW } }));
    say({ type: "response.create" });
    model.tick(performance.now() + 10_000);
    const added = sent.find((event) => event["type"] === "response.output_item.added");
    const { id } = added!["item"] as { id: string };
    say({ type: "conversation.item.retrieve", item_id: id });
    expect(sent.at(-1)).toMatchObject({ type: "conversation.item.retrieved", item: { id } });
    say({ type: "conversation.item.retrieve", item_id: "item_none" });
    expect(sent.at(-1)).toMatchObject({
      type: "error",
      error: { code: "item_retrieve_invalid_item_id" },
    });
  });
});

describe("the faults of the model of load runs", () => {
  const NONE = DEFAULT_SCENARIO.faults;

  /** The only response of a model of which every response has this fault. */
  function answered(faults: Partial<Faults>): Record<string, unknown>[] {
    const {
      session: model,
      say,
      sent,
    } = session({
      ...DEFAULT_SCENARIO,
      faults: { ...NONE, ...faults },
    });
    say(update({ audio: { input: MULAW, output: MULAW } }));
    say({ type: "response.create" });
    const startMs = performance.now();
    for (let ms = 0; ms < 20_000; ms += 20) model.tick(startMs + ms);
    expect(model.busy).toBe(false);
    return sent;
  }

  function done(sent: readonly Record<string, unknown>[]): Record<string, unknown> {
    const event = sent.find(({ type }) => type === "response.done");
    return event!["response"] as Record<string, unknown>;
  }

  function bytes(sent: readonly Record<string, unknown>[]): number {
    return sent
      .filter(({ type }) => type === "response.output_audio.delta")
      .reduce((sum, { delta }) => sum + Buffer.from(String(delta), "base64").length, 0);
  }

  it("has none unless the scenario asks for them", () => {
    const sent = answered({});
    expect(done(sent)).toMatchObject({ status: "completed", status_details: null });
    expect(bytes(sent)).toBeGreaterThan(DEFAULT_SCENARIO.model.answerMs[0] * 8);
  });

  it.each([
    ["failed", { error: { code: "server_error" } }],
    ["incomplete", { reason: "max_output_tokens" }],
  ] as const)("ends as %s, before or in the middle of the speech", (status, details) => {
    const sent = answered({ [status]: 1 });
    expect(done(sent)).toMatchObject({ status, status_details: details });
    expect(bytes(sent)).toBeLessThan(DEFAULT_SCENARIO.model.answerMs[0] * 8);
  });

  it("completes without any output", () => {
    const sent = answered({ silent: 1 });
    expect(done(sent)).toMatchObject({ status: "completed", output: [] });
    expect(bytes(sent)).toBe(0);
  });

  it("tells how long a rate limit lasts", () => {
    const sent = answered({ rateLimited: 1 });
    expect(JSON.stringify(done(sent))).toContain("Please try again in 1.2s");
    expect(bytes(sent)).toBe(0);
  });

  it.each([
    [1, "hang"],
    [0, "good"],
  ])("calls tools of which a share of %d hangs", (toolsHang, name) => {
    const {
      session: model,
      say,
      sent,
    } = session({
      ...DEFAULT_SCENARIO,
      model: { ...DEFAULT_SCENARIO.model, toolRate: 1 },
      faults: { ...NONE, toolsHang },
    });
    say(update({ audio: { input: MULAW, output: MULAW } }));
    const startMs = performance.now();
    model.callerTalks(startMs);
    model.tick(startMs + 500);
    model.callerPauses(startMs + 500);
    for (let ms = 500; ms < 5000; ms += 20) model.tick(startMs + ms);
    expect(done(sent)["output"]).toMatchObject([{ type: "function_call", name }]);
    expect(model.busy).toBe(true);
  });
});
