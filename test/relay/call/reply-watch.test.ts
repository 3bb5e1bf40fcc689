import { describe, expect, it } from "vitest";
import { CallBench, sid } from "../../fakes/call-bench.js";

const MCP = { type: "mcp_call", id: "m1", server_label: "crm", name: "find", arguments: "{}" };

describe("a reply that is asked for again", () => {
  it("is not asked for twice where the session has asked already and the network is slow", async () => {
    const bench = new CallBench();
    const { model } = await bench.talk();
    model.speaks("r1");
    bench.run(400);
    model.says({ type: "input_audio_buffer.speech_started", item_id: "c1", audio_start_ms: 100 });
    model.says({ type: "input_audio_buffer.speech_stopped", item_id: "c1", audio_end_ms: 400 });
    model.says({ type: "input_audio_buffer.committed", item_id: "c1", previous_item_id: null });
    model.created("r2");
    model.says({ type: "response.mcp_call.in_progress", item_id: "m1", output_index: 0 });
    model.says({ type: "response.mcp_call.completed", item_id: "m1", output_index: 0 });
    model.done("r2", { output: [{ ...MCP, output: "{}", error: null }] });
    // The greeting's, and the one that the finished call obliges to.
    expect(model.of("response.create")).toHaveLength(2);
    bench.run(700);
    model.speaks("r3");
    bench.run(3_000);
    expect(model.of("response.create")).toHaveLength(2);
  });

  it("is asked for after a response without a word", async () => {
    const bench = new CallBench();
    const { model } = await bench.talk();
    model.created("r1");
    model.done("r1");
    bench.run(300);
    expect(model.of("response.create")).toHaveLength(2);
  });
});

describe("an answer that is awaited", () => {
  it("is awaited from the caller's turn until its audio is heard and its response has ended", async () => {
    const bench = new CallBench();
    const { model } = await bench.talk();
    const call = bench.calls.find(sid(1))!;
    model.speaks("r1");
    bench.run(400);
    expect(call.reply.isAwaited).toBe(false);
    model.says({ type: "input_audio_buffer.speech_started", item_id: "c1", audio_start_ms: 100 });
    model.says({ type: "input_audio_buffer.speech_stopped", item_id: "c1", audio_end_ms: 400 });
    model.says({ type: "input_audio_buffer.committed", item_id: "c1", previous_item_id: null });
    expect(call.reply.isAwaited).toBe(true);
    model.created("r2");
    model.delta("r2", "item-r2", 800);
    bench.run(200);
    expect(call.reply.isAwaited).toBe(true);
    model.done("r2");
    expect(call.reply.isAwaited).toBe(false);
  });
});
