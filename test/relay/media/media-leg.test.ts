import { describe, expect, it } from "vitest";
import { type LegOwner, MediaLeg } from "../../../src/relay/media/media-leg.js";
import { FakeStream, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";

describe("a stream", () => {
  it("is closed when its call cannot be found: the caller would wait in silence", async () => {
    const clock = new FakeClock();
    const log = new FakeLog();
    const { metrics } = new FakeMetrics();
    const socket = new FakeStream();
    const claim = async (): Promise<null> => {
      throw new TypeError("a handoff of another release");
    };
    socket.receiver = new MediaLeg(socket, claim, { clock, metrics, log });
    socket.start(sid(1), {});
    socket.frame();
    await settle();
    expect([socket.closedWith, clock.pending]).toEqual([1011, 0]);
    expect(log.lines.join()).toContain("media: stream not taken");
  });

  it("is over with a stop that says no more, as some senders write it", () => {
    const socket = new FakeStream();
    const told: unknown[] = [];
    const log = new FakeLog();
    const owner: LegOwner = {
      frames: { callerFrame: () => 0 },
      events: {
        frameTick: () => undefined,
        key: () => undefined,
        markEchoed: () => undefined,
        streamEnded: (clean) => void told.push(clean),
      },
      log,
    };
    const { metrics } = new FakeMetrics();
    socket.receiver = new MediaLeg(socket, () => owner, { clock: new FakeClock(), metrics, log });
    socket.start(sid(1), {});
    socket.says({ event: "stop", streamSid: "MZ1" });
    expect([told, socket.closedWith, log.lines]).toEqual([[true], 1000, []]);
  });
});
