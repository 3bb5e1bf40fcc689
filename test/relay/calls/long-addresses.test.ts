import { describe, expect, it } from "vitest";
import { CallBench, sid } from "../../fakes/call-bench.js";

describe("a caller whose address is longer than a parameter holds", () => {
  it("gets a stream all the same: the token is bound to what comes back", async () => {
    const bench = new CallBench();
    const parameters = await bench.ring(1, { From: `sip:${"a".repeat(900)}@pbx.example.com` });
    for (const [name, value] of Object.entries(parameters))
      expect(name.length + value.length).toBeLessThan(500);
    bench.dialer.last.becomesReady();
    const stream = bench.stream();
    stream.start(sid(1), parameters);
    expect(stream.closedWith).toBeNull();
    expect(bench.calls.find(sid(1))?.state.name).toBe("talking");
  });
});
