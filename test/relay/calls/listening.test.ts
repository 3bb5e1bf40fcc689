import { describe, expect, it } from "vitest";
import { Listening } from "../../../src/relay/calls/listening.js";
import { agent, CallBench, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { SID, sipBench, talking } from "../../fakes/sip-bench.js";

const nowhere = async () => null;
const socket = { send: () => undefined, bufferedBytes: () => 0, close: () => undefined };

describe("listening", () => {
  it("is possible to a call on a Media Stream, until it is over", async () => {
    const bench = new CallBench(agent());
    const { stream } = await bench.talk();
    const listening = new Listening(bench.registry, new FakeClock(), nowhere);
    expect(await listening.refusal(sid(1))).toBeNull();
    expect(listening.join(sid(1), "ada", socket)).not.toBeNull();
    for (let n = 1; n < 16; n++) listening.join(sid(1), "ada", socket);
    expect(await listening.refusal(sid(1))).toEqual({ reason: "too_many_listeners" });
    stream.stop(sid(1));
    bench.run(4_000);
    expect(await listening.refusal(sid(1))).toEqual({ reason: "not_found" });
    expect(listening.join(sid(1), "ada", socket)).toBeNull();
  });

  it("is not possible on the SIP path, whose audio is not here", async () => {
    const bench = sipBench();
    await talking(bench);
    const listening = new Listening(bench.registry, new FakeClock(), nowhere);
    expect(await listening.refusal(SID)).toEqual({ reason: "path" });
    expect(listening.join(SID, "ada", socket)).toBeNull();
  });

  it("is refused with the node's name where another process has the call", async () => {
    const { registry } = new CallBench();
    const listening = new Listening(registry, new FakeClock(), async () => "node-2");
    expect(await listening.refusal(sid(1))).toEqual({ reason: "elsewhere", node: "node-2" });
  });
});
