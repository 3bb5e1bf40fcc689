import { beforeEach, describe, expect, it } from "vitest";
import type { ClusterPeer, PeerReply } from "../../src/relay/calls/cluster.js";
import type { FromWorker } from "../../src/supervisor/messages.js";
import { WorkerLink } from "../../src/supervisor/worker-link.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { testSid } from "../fakes/record-events.js";

const CALL = testSid(1);
const REQUEST = { kind: "stream_elsewhere" } as const;
const REPLY: PeerReply = { kind: "refusal", refusal: null };

let clock: FakeClock;
let sent: FromWorker[];
let link: WorkerLink;
beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  link = new WorkerLink(clock, { send: (message) => void sent.push(message) });
});
const settle = async () => await new Promise((resolve) => setImmediate(resolve));

describe("WorkerLink", () => {
  const claim = { type: "claim", callSid: CALL } as const;
  const release = { type: "release", callSid: CALL } as const;

  it("claims calls at once: another worker may ask for them now", () => {
    link.claim(CALL);
    expect(sent).toEqual([claim]);
  });

  it("releases calls a moment later, together with what else nobody waits for", () => {
    link.absent(CALL);
    link.release(CALL);
    clock.advance(19);
    expect(sent).toEqual([]);
    clock.advance(1);
    const messages = [{ type: "absent", callSid: CALL }, release];
    expect(sent).toEqual([{ type: "several", messages }]);
    link.release(CALL);
    clock.advance(20);
    expect(sent[1]).toEqual(release);
    expect(clock.pending).toBe(0);
  });

  it("sends what somebody waits for at once, after what was said before", () => {
    link.release(CALL);
    void link.ask(CALL, REQUEST);
    const asked = { type: "request", id: 1, callSid: CALL, request: REQUEST };
    expect(sent).toEqual([{ type: "several", messages: [release, asked] }]);
    clock.advance(20);
    expect(sent).toHaveLength(1);
  });

  it("sends what was gathered before the worker's last word", () => {
    link.release(CALL);
    link.flush();
    expect(sent).toEqual([release]);
    link.flush();
    expect([sent.length, clock.pending]).toEqual([1, 0]);
  });

  it("resolves a request with the reply of the same id", async () => {
    const replies = [link.ask(CALL, REQUEST), link.ask(CALL, REQUEST)];
    expect(sent).toMatchObject([{ id: 1, request: REQUEST }, { id: 2 }]);
    link.receive({ type: "reply", id: 2, reply: null });
    link.receive({ type: "reply", id: 1, reply: REPLY });
    expect(await Promise.all(replies)).toEqual([REPLY, null]);
    expect(clock.pending).toBe(0);
  });

  it("has no reply after six seconds, when the supervisor is gone", async () => {
    const reply = link.ask(CALL, REQUEST);
    clock.advance(6_000);
    expect(await reply).toBeNull();
    // A late reply is ignored.
    link.receive({ type: "reply", id: 1, reply: REPLY });
  });

  it("cannot tell whether a key is free after half a second", async () => {
    const claims = [link.claimOnce("a", 1_000), link.claimOnce("b", 1_000)];
    link.receive({ type: "claimed_once", id: 1, first: true });
    clock.advance(500);
    expect(await Promise.all(claims)).toEqual([true, null]);
  });

  it("asks for a call, and after a quarter of a second its own calls decide", async () => {
    const call = {
      callSid: CALL,
      from: "+15550001111",
      to: "+1555",
      direction: "inbound",
    } as const;
    const limits = { maxCallsPerCaller: 1 };
    const asked = [link.admit(call, limits), link.admit(call, limits)];
    expect(sent[0]).toEqual({ type: "admit", id: 1, call, limits });
    link.receive({ type: "admitted", id: 1, refusal: "caller_limit" });
    clock.advance(250);
    expect(await Promise.all(asked)).toEqual(["caller_limit", null]);
    link.present(call);
    link.absent(CALL);
    clock.advance(20);
    const messages = [
      { type: "present", call },
      { type: "absent", callSid: CALL },
    ];
    expect(sent.slice(2)).toEqual([{ type: "several", messages }]);
  });

  it("has the agents file read, and gives up on a supervisor that is stalled", async () => {
    const asked = [link.reload(), link.reload()];
    link.receive({ type: "reload_read", id: 1, faults: null });
    clock.advance(30_000);
    expect(await Promise.all(asked)).toEqual([null, undefined]);
  });

  it("hands requests to its peer and sends the answer back", async () => {
    const moved: string[] = [];
    const peer: ClusterPeer = {
      answer: async (callSid) => (callSid === CALL ? REPLY : null),
      moved: (callSid) => void moved.push(callSid),
    };
    link.join(peer);
    link.receive({ type: "request", id: 9, callSid: CALL, request: REQUEST });
    link.receive({ type: "moved", callSid: CALL });
    await settle();
    expect(sent).toEqual([{ type: "reply", id: 9, reply: REPLY }]);
    expect(moved).toEqual([CALL]);
  });

  it("replies without an answer before a peer has joined", async () => {
    link.receive({ type: "request", id: 9, callSid: CALL, request: REQUEST });
    await settle();
    expect(sent).toEqual([{ type: "reply", id: 9, reply: null }]);
  });
});
