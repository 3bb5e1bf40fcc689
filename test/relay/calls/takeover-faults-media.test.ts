/** Take-overs on the Media Streams path at the worst moment. */
import { describe, expect, it } from "vitest";
import { agent, CallBench, sid } from "../../fakes/call-bench.js";

const VOICE = Buffer.from(new Uint8Array(160).fill(0x55)).toString("base64");
const EXPIRED = {
  type: "error",
  error: { type: "invalid_request_error", code: "session_expired", message: "60 minutes" },
};

async function stage(changes: Parameters<typeof agent>[0] = {}) {
  const bench = new CallBench(agent(changes));
  const { stream, model } = await bench.talk();
  model.speaks("resp_1");
  const call = bench.registry.find(sid(1))!;
  /** The caller's phone and the microphone are on. */
  const pass = (ms: number, isOn = true) => {
    for (let at = 0; at < ms; at += 20) {
      if (stream.closedWith === null) stream.frame();
      if (isOn) call.execute({ type: "supervisor_audio", listener: 1, base64: VOICE });
      bench.run(20);
    }
  };
  pass(500, false);
  const take = (listener = 1) => call.execute({ type: "take_over", by: "ada", listener });
  const handBack = () =>
    call.execute({ type: "hand_back", by: "ada", reason: "asked", note: null });
  const voiced = () =>
    stream
      .of("media")
      .filter(({ media }) => (media as { payload: string }).payload.includes("VVVVVVVV")).length;
  return { bench, stream, model, call, pass, take, handBack, voiced };
}

const texts = (sent: readonly object[]) => JSON.stringify(sent);

describe("a model whose session reaches its 60 minutes while a supervisor speaks", () => {
  it("is replaced, hears and says nothing until the hand-back, and is told then", async () => {
    const { bench, model, call, pass, take, handBack, voiced } = await stage();
    expect(take()).toBeNull();
    pass(1_000);
    model.says(EXPIRED);
    model.drops(1001);
    expect(call.state.name).toBe("redialing");
    pass(200);
    const other = bench.dialer.last;
    expect(other).not.toBe(model);
    other.becomesReady();
    const before = voiced();
    pass(2_000);
    expect(call.state.name).toBe("talking");
    expect(voiced() - before).toBeGreaterThanOrEqual(98);
    expect(other.of("input_audio_buffer.append")).toEqual([]);
    expect(other.of("response.create")).toEqual([]);
    expect(handBack()).toBeNull();
    pass(200, false);
    expect(texts(other.of("conversation.item.create"))).toContain("A colleague, ada");
    expect(other.of("response.create")).toHaveLength(1);
    expect(other.of("input_audio_buffer.append").length).toBeGreaterThan(5);
  });

  it("and is handed back before the other one is ready: it is told when it is", async () => {
    const { bench, model, call, pass, take, handBack } = await stage();
    take();
    pass(1_000);
    model.says(EXPIRED);
    model.drops(1001);
    pass(100);
    expect(handBack()).toBeNull();
    pass(200, false);
    const other = bench.dialer.last;
    other.becomesReady();
    pass(200, false);
    expect(call.state.name).toBe("talking");
    expect(texts(other.sent)).toContain("A colleague, ada");
    expect(other.of("response.create").length).toBeGreaterThan(0);
  });
});

describe("a model that is lost for good while a supervisor speaks", () => {
  it("takes the caller to the fallback destination once they hand back, or vanish", async () => {
    for (const ends of ["asked", "no_audio"] as const) {
      const { bench, model, call, pass, take, handBack } = await stage();
      take();
      pass(1_000);
      model.drops(1006);
      for (let n = 0; n < 8; n++) {
        pass(1_000);
        bench.dialer.last.drops(0, 401);
      }
      expect([call.takeover.isOn, call.state.name]).toEqual([true, "redialing"]);
      if (ends === "asked") handBack();
      pass(20_000, false);
      expect(call.takeover.isOn).toBe(false);
      expect(["handing_over", "closing", "ended"]).toContain(call.state.name);
      expect(bench.recorded("note").map((event) => (event as { name: string }).name)).toContain(
        "fallback",
      );
    }
  });
});

describe("a caller whom a supervisor has taken over", () => {
  it.each([
    ["hangs up", (one: Awaited<ReturnType<typeof stage>>) => one.stream.stop(sid(1))],
    [
      "is transferred",
      ({ call }: Awaited<ReturnType<typeof stage>>) =>
        void call.execute({
          type: "transfer",
          by: "ada",
          farewell: "none",
          request: {
            destination: "desk",
            reason: "r",
            summary: null,
            urgency: null,
            by: "supervisor",
          } as never,
        }),
    ],
    ["presses 0", ({ stream }: Awaited<ReturnType<typeof stage>>) => stream.key("0")],
  ])("and %s is heard by the supervisor no longer, and by no model", async (_, happens) => {
    const one = await stage();
    const { bench, model, call, pass, take, voiced } = one;
    take();
    pass(500);
    happens(one);
    const before = voiced();
    const told = model.of("response.create").length;
    pass(5_000);
    expect(call.takeover.isOn).toBe(false);
    expect(voiced()).toBe(before);
    expect(model.of("response.create")).toHaveLength(told);
    expect(["handing_over", "closing", "ended"]).toContain(call.state.name);
    expect(bench.log.lines.filter((line) => line.includes("failed"))).toEqual([]);
  });

  it("and whose stream breaks comes back to the model, which has been told", async () => {
    const { bench, stream, call, pass, take } = await stage();
    take();
    pass(500);
    stream.closedWith = 1006;
    stream.receiver!.closed(1006);
    expect([call.takeover.isOn, call.state.name]).toEqual([false, "returning"]);
    const back = bench.stream();
    const twiml = await bench.calls.connectEnded(bench.form(1, { CallStatus: "in-progress" }));
    const verb = twiml.find(({ verb }) => verb === "connect_stream");
    back.start(sid(1), { ...(verb as { parameters: Record<string, string> }).parameters });
    bench.run(200);
    bench.dialer.last.becomesReady();
    bench.run(200);
    expect(call.state.name).toBe("talking");
  });
});

describe("two supervisors", () => {
  it("take over one after the other, and the first one's connection ends nothing of the second's", async () => {
    const { call, pass, take, handBack, voiced } = await stage();
    expect(take(1)).toBeNull();
    expect(take(2)).toBe("taken_over");
    pass(300);
    expect(handBack()).toBeNull();
    expect(take(2)).toBeNull();
    const before = voiced();
    pass(300);
    // The first one's microphone is still on.
    expect(voiced()).toBe(before);
    expect(call.takeover.listener).toBe(2);
  });
});
