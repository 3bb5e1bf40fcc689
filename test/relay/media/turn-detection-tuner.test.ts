import { describe, expect, it } from "vitest";
import { agent, CallBench, sid } from "../../fakes/call-bench.js";

const QUIET = new Uint8Array(160).fill(0xff);

async function onNoisyLine(adapt: boolean) {
  const base = agent();
  const bench = new CallBench(agent({ greeting: null, vad: { ...base.vad, adapt } }));
  const { stream, model } = await bench.talk();
  const frames = (n: number): void => {
    for (let i = 0; i < n; i++) {
      stream.frame(QUIET);
      bench.run(20, 20);
    }
  };
  /** The server hears a turn in which our own VAD hears no speech. */
  const ghost = (id: string): void => {
    model.says({ type: "input_audio_buffer.speech_started", item_id: id, audio_start_ms: 0 });
    frames(40);
    model.says({ type: "input_audio_buffer.speech_stopped", item_id: id, audio_end_ms: 800 });
  };
  frames(50);
  ghost("u1");
  frames(30);
  const before = model.of("session.update").length;
  ghost("u2");
  frames(30);
  return { bench, model, before };
}

describe("turn detection that is fitted to the line", () => {
  it("is set anew between turns, whole, and told to the record", async () => {
    const { bench, model, before } = await onNoisyLine(true);
    expect(before).toBe(1);
    expect(model.of("session.update")).toHaveLength(2);
    expect(model.of("session.update")[1]).toMatchObject({
      session: {
        type: "realtime",
        audio: {
          input: {
            turn_detection: {
              type: "server_vad",
              threshold: 0.6,
              silence_duration_ms: 500,
              create_response: true,
              interrupt_response: true,
            },
          },
        },
      },
    });
    expect(bench.recorded("note")).toMatchObject([
      { name: "turn_detection_tuned", fields: { threshold: 0.6, silenceDurationMs: 500 } },
    ]);
  });

  it("holds for the session that follows a lost one", async () => {
    const { bench, model } = await onNoisyLine(true);
    model.drops();
    bench.dialer.last.open();
    bench.dialer.last.says({ type: "session.created", session: { id: "s" } });
    expect(JSON.stringify(bench.dialer.last.of("session.update")[0])).toContain('"threshold":0.6');
    expect(bench.calls.find(sid(1))!.state.name).toBe("redialing");
  });

  it("stays as the agent has it where it is not to be fitted", async () => {
    const { model } = await onNoisyLine(false);
    expect(model.of("session.update")).toHaveLength(1);
  });
});
