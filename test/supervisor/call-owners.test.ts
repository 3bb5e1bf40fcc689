import { beforeEach, describe, expect, it } from "vitest";
import { CallOwners } from "../../src/supervisor/call-owners.js";
import type { ToWorker } from "../../src/supervisor/messages.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { testSid } from "../fakes/record-events.js";

const CALL = testSid(1);
const REQUEST = { kind: "stream_elsewhere" } as const;
const REPLY = { kind: "refusal", refusal: null } as const;

let clock: FakeClock;
let sent: (readonly [worker: number, message: ToWorker])[];
let owners: CallOwners;
beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  owners = new CallOwners(clock, (worker, message) => void sent.push([worker, message]));
});

const claim = (worker: number) => owners.receive(worker, { type: "claim", callSid: CALL });
const release = (worker: number) => owners.receive(worker, { type: "release", callSid: CALL });
const request = (worker: number, id: number) =>
  owners.receive(worker, { type: "request", id, callSid: CALL, request: REQUEST });
const settle = async () => await new Promise((resolve) => setImmediate(resolve));
const last = async () => {
  await settle();
  return sent.at(-1);
};

describe("limits of callers", () => {
  const call = (n: number) =>
    ({ callSid: testSid(n), from: "+15550001111", to: "+1555", direction: "inbound" }) as const;
  const admit = (worker: number, n: number) =>
    owners.receive(worker, {
      type: "admit",
      id: n,
      call: call(n),
      limits: { maxCallsPerCaller: 1 },
    });

  it("are answered to the worker that asks, over the calls of all", () => {
    owners.receive(1, { type: "present", call: call(1) });
    admit(2, 2);
    owners.receive(1, { type: "absent", callSid: testSid(1) });
    admit(2, 3);
    owners.workerGone(2);
    admit(1, 4);
    expect(sent).toEqual([
      [2, { type: "admitted", id: 2, refusal: "caller_limit" }],
      [2, { type: "admitted", id: 3, refusal: null }],
      [1, { type: "admitted", id: 4, refusal: null }],
    ]);
  });
});

describe("ownership", () => {
  it("is the latest claim's, and the former owner is told", () => {
    claim(1);
    claim(1);
    expect(sent).toEqual([]);
    claim(2);
    expect([owners.ownerOf(CALL), sent]).toEqual([2, [[1, { type: "moved", callSid: CALL }]]]);
  });

  it("counts no longer for a worker that is drained, but is asked about there", () => {
    claim(1);
    owners.drained(1);
    expect([owners.ownerOf(CALL), owners.workerGone(1)]).toEqual([1, 0]);
  });

  it("is not given up by a release of another worker", () => {
    claim(2);
    release(1);
    clock.advance(11 * 60_000);
    expect(owners.ownerOf(CALL)).toBe(2);
  });

  it("is remembered for ten minutes after the call", () => {
    claim(1);
    release(1);
    clock.advance(10 * 60_000 - 1);
    expect(owners.ownerOf(CALL)).toBe(1);
    clock.advance(1);
    expect(owners.ownerOf(CALL)).toBeNull();
  });

  it("tells the former owner when a call that was released is claimed again", () => {
    claim(1);
    release(1);
    claim(2);
    expect(sent).toEqual([[1, { type: "moved", callSid: CALL }]]);
    clock.advance(11 * 60_000);
    expect(owners.ownerOf(CALL)).toBe(2);
  });

  it("ends with its worker, which had so many live calls", () => {
    claim(1);
    owners.receive(1, { type: "claim", callSid: testSid(2) });
    owners.receive(1, { type: "release", callSid: testSid(2) });
    owners.receive(2, { type: "claim", callSid: testSid(3) });
    expect(owners.workerGone(1)).toBe(1);
    expect(owners.ownerOf(CALL)).toBeNull();
    expect(owners.ownerOf(testSid(3))).toBe(2);
  });
});

describe("requests", () => {
  it("reach the owner, and its reply comes back under the sender's own id", async () => {
    claim(1);
    request(2, 70);
    expect(sent).toEqual([[1, { type: "request", id: 1, callSid: CALL, request: REQUEST }]]);
    owners.receive(1, { type: "reply", id: 1, reply: REPLY });
    expect(await last()).toEqual([2, { type: "reply", id: 70, reply: REPLY }]);
    expect(clock.pending).toBe(0);
  });

  it("take a reply only from the worker that was asked, and only once", async () => {
    claim(1);
    request(2, 70);
    owners.receive(3, { type: "reply", id: 1, reply: null });
    expect((await last())?.[0]).toBe(1);
    owners.receive(1, { type: "reply", id: 1, reply: REPLY });
    await settle();
    const count = sent.length;
    owners.receive(1, { type: "reply", id: 1, reply: null });
    await settle();
    expect(sent).toHaveLength(count);
  });

  it.each<[string, () => void]>([
    ["of a call without an owner", () => {}],
    ["of a call that the sender owns", () => claim(2)],
  ])("%s get no reply at once", async (_, prepare) => {
    prepare();
    request(2, 70);
    expect(await last()).toEqual([2, { type: "reply", id: 70, reply: null }]);
  });

  it("get no reply after five seconds, or when the owner dies", async () => {
    claim(1);
    request(2, 70);
    clock.advance(5_000);
    expect(await last()).toEqual([2, { type: "reply", id: 70, reply: null }]);
    request(2, 71);
    owners.workerGone(1);
    expect(await last()).toEqual([2, { type: "reply", id: 71, reply: null }]);
  });
});

describe("claim_once", () => {
  const first = (worker: number, key = "k") => {
    owners.receive(worker, { type: "claim_once", id: 5, key, ttlMs: 1_000 });
    const [to, message] = sent.at(-1)!;
    expect([to, message.type]).toEqual([worker, "claimed_once"]);
    return message.type === "claimed_once" && message.first;
  };

  it("gives a key to one worker until its time is over", () => {
    expect([first(1), first(2), first(1), first(2, "other")]).toEqual([true, false, false, true]);
    clock.advance(1_000);
    expect(first(2)).toBe(true);
  });
});
