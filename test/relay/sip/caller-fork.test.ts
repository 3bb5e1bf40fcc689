import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallSid } from "../../../src/domain/ids.js";
import type { AudioTap } from "../../../src/relay/media/call-listeners.js";
import type { LegOwner, MediaLeg } from "../../../src/relay/media/media-leg.js";
import { CallerFork } from "../../../src/relay/sip/caller-fork.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";

const SID = "CA1" as CallSid;
const URL = "wss://relay.test/media-stream";

function stage(start: (n: number) => Promise<string> = async (n) => `MZ${n}`) {
  const told: string[] = [];
  const clock = new FakeClock();
  let starts = 0;
  const fork = new CallerFork({
    callSid: SID,
    control: {
      startStream: (callSid, url, { token, fork: number }) => {
        starts += 1;
        told.push(`start ${callSid} ${url} ${token} ${number}`);
        return start(starts);
      },
      stopStream: async (callSid, streamSid) => void told.push(`stop ${callSid} ${streamSid}`),
    },
    tokens: { issue: (callSid, claims) => `${callSid}:${claims.join("-")}` },
    mediaUrl: URL,
    clock,
    log: new FakeLog(),
    failed: () => void told.push("failed"),
  });
  const tap: AudioTap = {
    caller: (ulaw, from, to) => void told.push(`caller ${ulaw.subarray(from, to)}`),
    agent: (ulaw, from, to) => void told.push(`agent ${ulaw.subarray(from, to)}`),
    cleared: () => undefined,
  };
  const legOf = (name: string, isOver = false) =>
    ({ isOver, close: () => void told.push(`${name} closed`) }) as unknown as MediaLeg;
  const frame = (owner: LegOwner | null, ...bytes: number[]) => {
    const ulaw = Uint8Array.from(bytes);
    owner!.frames.callerFrame(ulaw, 0, 0, 0, ulaw, ulaw.length);
    owner!.frames.heardFrame?.(ulaw);
  };
  return { fork, told, clock, tap, legOf, frame };
}

describe("the audio of a caller on the SIP path", () => {
  it("is copied while there are listeners, and for a moment longer", async () => {
    const { fork, told, clock, tap, legOf, frame } = stage();
    fork.tap(tap);
    await settle();
    expect(told.splice(0)).toEqual([`start CA1 ${URL} CA1:fork-1 1`]);
    const owner = fork.claim("1", legOf("leg"));
    frame(owner, 7, 8);
    expect(told.splice(0)).toEqual(["caller 7,8", "agent 7,8"]);
    fork.tap(null);
    frame(owner, 9);
    clock.advance(2_900);
    // Another one comes at once: no second stream.
    fork.tap(tap);
    clock.advance(60_000);
    frame(owner, 5);
    expect(told.splice(0)).toEqual(["caller 5", "agent 5"]);
    fork.tap(null);
    clock.advance(3_000);
    expect(told.splice(0)).toEqual(["leg closed", "stop CA1 MZ1"]);
    fork.tap(tap);
    expect(told).toEqual([`start CA1 ${URL} CA1:fork-2 2`]);
  });

  it("is taken from the stream that was asked for, once", async () => {
    const { fork, tap, legOf } = stage();
    expect(fork.claim("1", legOf("early"))).toBeNull();
    fork.tap(tap);
    expect(fork.claim("2", legOf("other"))).toBeNull();
    expect(fork.claim("1", legOf("leg"))).not.toBeNull();
    expect(fork.claim("1", legOf("replayed"))).toBeNull();
  });

  it("is given up where Twilio refuses, or starts no stream in five seconds", async () => {
    const refused = stage(() => Promise.reject(new RelayError("caller_gone", "21220")));
    refused.fork.tap(refused.tap);
    await settle();
    expect(refused.told.slice(1)).toEqual(["failed"]);
    const late = stage();
    late.fork.tap(late.tap);
    await settle();
    late.clock.advance(4_999);
    expect(late.told).toHaveLength(1);
    late.clock.advance(1);
    expect(late.told.slice(1)).toEqual(["stop CA1 MZ1", "failed"]);
    // Its stream comes after all.
    expect(late.fork.claim("1", late.legOf("leg"))).toBeNull();
  });

  it("is not given up when its stream is there, and only Twilio's answer is lost", async () => {
    let reject = (_error: Error): void => undefined;
    const { fork, told, tap, legOf, frame } = stage(() => new Promise((_, no) => (reject = no)));
    fork.tap(tap);
    const owner = fork.claim("1", legOf("leg"));
    reject(new RelayError("twilio_unavailable", "no answer in time"));
    await settle();
    frame(owner, 4);
    expect(told.slice(1)).toEqual(["caller 4", "agent 4"]);
  });

  it("is given up when the stream ends under the listeners", async () => {
    const { fork, told, clock, tap, legOf } = stage();
    fork.tap(tap);
    await settle();
    fork.claim("1", legOf("leg", true))!.events.streamEnded(true);
    // The call may be over.
    clock.advance(2_999);
    fork.tap(tap);
    expect(told).toHaveLength(1);
    clock.advance(1);
    expect(told.slice(1)).toEqual(["leg closed", "stop CA1 MZ1", "failed"]);
  });

  it("is copied anew for a listener who comes after the copy had ended under the last one", async () => {
    const { fork, told, clock, tap, legOf } = stage();
    fork.tap(tap);
    await settle();
    fork.claim("1", legOf("leg", true))!.events.streamEnded(true);
    clock.advance(1_000);
    fork.tap(null);
    clock.advance(1_000);
    fork.tap(tap);
    await settle();
    expect(told.slice(1)).toEqual(["leg closed", "stop CA1 MZ1", `start CA1 ${URL} CA1:fork-2 2`]);
    expect(fork.claim("2", legOf("second"))).not.toBeNull();
    clock.advance(60_000);
    expect(told).not.toContain("failed");
  });

  it("is copied anew for a listener who comes after the copy ended with no one listening", async () => {
    const { fork, told, clock, tap, legOf } = stage();
    fork.tap(tap);
    await settle();
    const { events } = fork.claim("1", legOf("leg"))!;
    fork.tap(null);
    clock.advance(1_000);
    events.streamEnded(false);
    fork.tap(tap);
    await settle();
    expect(told.at(-1)).toBe(`start CA1 ${URL} CA1:fork-2 2`);
    expect(fork.claim("2", legOf("second"))).not.toBeNull();
    clock.advance(60_000);
    expect(told).not.toContain("failed");
  });

  it("is stopped when all have left before Twilio has answered", async () => {
    let answer: (sid: string) => void = () => undefined;
    const { fork, told, tap } = stage(() => new Promise((resolve) => (answer = resolve)));
    fork.tap(tap);
    fork.tap(null);
    expect(told).toHaveLength(1);
    answer("MZ9");
    await settle();
    expect(told.slice(1)).toEqual(["stop CA1 MZ9"]);
  });

  it("ends with the call, and asks Twilio for nothing more", async () => {
    const { fork, told, clock, tap, legOf } = stage();
    fork.tap(tap);
    await settle();
    fork.claim("1", legOf("leg"));
    fork.close();
    fork.tap(null);
    clock.advance(60_000);
    expect(told.slice(1)).toEqual(["leg closed"]);
  });
});
