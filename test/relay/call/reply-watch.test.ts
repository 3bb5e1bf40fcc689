import { describe, expect, it } from "vitest";
import { CallBench } from "../../fakes/call-bench.js";

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
