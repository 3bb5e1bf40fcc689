import { describe, expect, it } from "vitest";
import { Meters } from "../../bench/load/meters.js";
import { ModelSession } from "../../bench/load/model-session.js";
import { DEFAULT_SCENARIO } from "../../bench/load/scenario.js";
import { Random } from "../../bench/random.js";

const MULAW = { format: { type: "audio/pcmu" } };

function session(): {
  session: ModelSession;
  say(event: object): void;
  sent: Record<string, unknown>[];
} {
  const sent: Record<string, unknown>[] = [];
  const made = new ModelSession(1, {
    scenario: DEFAULT_SCENARIO,
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
