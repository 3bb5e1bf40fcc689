/**
 * Two processes that share their calls, by hand: fake clock, fake sockets, a fleet without a wire.
 */
import { beforeEach, describe, expect, it } from "vitest";
import type { CallSid } from "../../../src/domain/ids.js";
import { supervisorEnd, supervisorTransfer } from "../../../src/relay/call/call-command.js";
import { PLAIN } from "../../../src/relay/calls/callback-link.js";
import {
  type Cluster,
  type ClusterPeer,
  type PeerReply,
  type PeerRequest,
  TieredCluster,
} from "../../../src/relay/calls/cluster.js";
import { agent, CallBench, type FakeStream, parametersOf, sid } from "../../fakes/call-bench.js";

/** Who holds what, for all members; answers come with the next turn. */
class Wire {
  readonly members: ClusterPeer[] = [];
  readonly holders = new Map<CallSid, number>();
  readonly claimed = new Set<string>();
  readonly asked: string[] = [];
  /** Claims wait until they are let go. */
  heldClaims: (() => void)[] | null = null;
  /** It cannot be told whether a key was claimed. */
  blind = false;

  fleet(): Cluster {
    const me = this.members.length;
    this.members.push({ answer: async () => null, moved: () => undefined });
    return {
      join: (member) => {
        this.members[me] = member;
      },
      claim: (callSid) => {
        const before = this.holders.get(callSid);
        this.holders.set(callSid, me);
        if (before !== undefined && before !== me) this.members[before]?.moved(callSid);
      },
      release: () => undefined,
      ask: async (callSid, question) => {
        this.asked.push(question.kind);
        const holder = this.holders.get(callSid);
        return holder === undefined || holder === me
          ? null
          : ((await this.members[holder]?.answer(callSid, question)) ?? null);
      },
      claimOnce: async (key) => {
        if (this.heldClaims !== null)
          await new Promise<void>((resolve) => this.heldClaims?.push(resolve));
        if (this.blind) return null;
        const first = !this.claimed.has(key);
        this.claimed.add(key);
        return first;
      },
    };
  }
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

let wire: Wire;
let one: CallBench;
let two: CallBench;
beforeEach(() => {
  wire = new Wire();
  const make = () => new CallBench(agent(), {}, undefined, null, 20, wire.fleet());
  one = make();
  two = make();
});

/** The stream of call 1 arrives at a process. */
async function arrive(at: CallBench, parameters: Record<string, string>): Promise<FakeStream> {
  const stream = at.stream();
  stream.start(sid(1), parameters);
  await turns();
  return stream;
}

describe("a request that fails in the process with the call", () => {
  it("is logged there, and answered as if the call were unknown", async () => {
    await one.ring(1);
    one.calls.connectEnded = () => Promise.reject(new Error("a bug"));
    const twiml = await two.service.connectEnded(two.form(1, { CallStatus: "in-progress" }));
    expect(twiml.length).toBeGreaterThan(0);
    expect(wire.asked).toContain("connect_ended");
    expect(one.log.lines.filter((line) => line.startsWith("error"))).toEqual([
      `error cluster: peer request failed {"callSid":"${sid(1)}","request":"connect_ended"}`,
    ]);
  });
});

describe("a stream", () => {
  it("is taken by the process that it reaches; the one that waited releases the call", async () => {
    const parameters = await one.ring(1);
    one.dialer.last.becomesReady();
    const stream = await arrive(two, parameters);
    expect(stream.closedWith).toBeNull();
    expect(one.dialer.last.closedWith).not.toBeNull();
    expect([one.registry.load, two.registry.load]).toEqual([0, 1]);
    expect(one.recorded("ended")).toEqual([]);
    expect(one.recorded("moved")).toHaveLength(1);
    expect(two.recorded("opened")).toHaveLength(1);
    expect([
      one.fake.count("callsActive"),
      one.fake.count("calls", { outcome: "completed" }),
    ]).toEqual([0, 0]);
    // None of its timers is left to end a call that goes on elsewhere.
    one.run(130_000, 1_000);
    expect(one.recorded("ended")).toEqual([]);
    await one.registry.drained();
  });

  it("that comes back after a break goes on with the conversation, wherever it arrives", async () => {
    const { stream, model } = await one.talk(1);
    await turns();
    model.says({
      type: "conversation.item.input_audio_transcription.completed",
      item_id: "q1",
      content_index: 0,
      transcript: "Where is order 4217?",
    });
    model.created("r1");
    stream.receiver!.closed(1006);
    const again = await one.service.connectEnded(one.form(1, { CallStatus: "in-progress" }));
    const next = await arrive(two, parametersOf(again));
    expect([next.closedWith, two.calls.find(sid(1))?.state.name]).toEqual([null, "redialing"]);
    const second = two.dialer.last;
    second.becomesReady();
    expect(JSON.stringify(second.of("conversation.item.create"))).toContain("Where is order 4217?");
    // It goes on, and does not greet again.
    expect(second.of("response.create")).toHaveLength(1);
    expect(JSON.stringify(second.sent)).not.toContain(agent().greeting);
    expect(one.recorded("ended")).toEqual([]);
    expect([one.registry.load, two.registry.load]).toEqual([0, 1]);
  });

  it("waits only briefly for the handoff of another process", async () => {
    const parameters = await one.ring(1);
    wire.members[0] = { answer: () => new Promise(() => undefined), moved: () => undefined };
    const stream = await arrive(two, parameters);
    expect(two.registry.load).toBe(0);
    two.run(500);
    await turns();
    expect([stream.closedWith, two.registry.load]).toEqual([null, 1]);
  });

  it("is refused with a token that another process has taken", async () => {
    const parameters = await one.ring(1);
    const stream = await arrive(one, parameters);
    const again = await arrive(two, parameters);
    expect([stream.closedWith, again.closedWith]).toEqual([null, 1008]);
    expect(two.fake.count("authFailures", { surface: "token" })).toBe(1);
    expect([one.registry.load, two.registry.load]).toEqual([1, 0]);
  });

  it("goes on with what this process knows when no other can be asked", async () => {
    wire.blind = true;
    const parameters = await one.ring(1);
    const stream = await arrive(one, parameters);
    const again = await arrive(one, parameters);
    expect([stream.closedWith, again.closedWith]).toEqual([null, 1008]);
  });

  it("keeps what the caller says while its token is being asked about, in order", async () => {
    const parameters = await one.ring(1);
    const model = one.dialer.last;
    model.becomesReady();
    wire.heldClaims = [];
    const stream = one.stream();
    stream.start(sid(1), parameters);
    const frames = [1, 2, 3].map((n) => new Uint8Array(160).fill(n));
    for (const frame of frames) stream.frame(frame);
    await turns();
    expect([one.registry.load, model.of("input_audio_buffer.append")]).toEqual([1, []]);
    for (const go of wire.heldClaims.splice(0)) go();
    await turns();
    stream.frame(new Uint8Array(160).fill(4));
    const sent = model
      .of("input_audio_buffer.append")
      .map((event) => Buffer.from(String(event["audio"]), "base64"));
    expect(Buffer.concat(sent)).toEqual(Buffer.concat([...frames, new Uint8Array(160).fill(4)]));
  });

  it("that closes while its token is being asked about leaves no call on the line", async () => {
    const parameters = await one.ring(1);
    wire.heldClaims = [];
    const stream = one.stream();
    stream.start(sid(1), parameters);
    stream.receiver!.closed(1006);
    for (const go of wire.heldClaims.splice(0)) go();
    await turns();
    // It broke: Twilio asks what follows, and the caller is given another stream.
    const again = parametersOf(
      await one.service.connectEnded(one.form(1, { CallStatus: "in-progress" })),
    );
    wire.heldClaims = null;
    expect((await arrive(one, again)).closedWith).toBeNull();
  });
});

describe("a request", () => {
  it("that asks what follows the stream is answered by the process with the call", async () => {
    const { stream } = await one.talk(1);
    await turns();
    await one.calls.execute(sid(1), supervisorEnd("ada"));
    await turns();
    expect(stream.closedWith).toBe(1000);
    const form = one.form(1, { CallStatus: "in-progress" });
    expect(await two.service.connectEnded(form)).toEqual([{ verb: "hangup" }]);
    // Without the other process it would be a call of a dead one: its caller goes to the fallback.
    expect((await two.calls.connectEnded(form)).map(({ verb }) => verb)).toEqual(["say", "dial"]);
  });

  it("of a call that no process has is answered here", async () => {
    const form = two.form(7, { CallStatus: "in-progress" });
    expect((await two.service.connectEnded(form)).map(({ verb }) => verb)).toEqual(["say", "dial"]);
    expect(wire.asked).toEqual(["connect_ended"]);
  });

  it("that says the caller has hung up ends the call where it is", async () => {
    await one.talk(1);
    await turns();
    two.service.callback("call-status", two.form(1, { CallStatus: "completed" }), PLAIN);
    await turns();
    expect(one.recorded("ended")).toMatchObject([
      { outcome: "completed", reason: "caller_hung_up" },
    ]);
  });

  it("of a supervisor reaches the call wherever it is, and a refusal comes back", async () => {
    await one.talk(1);
    await turns();
    expect(await two.service.execute(sid(1), supervisorTransfer("nowhere", null, "ada"))).toBe(
      "destination_unknown",
    );
    expect(await two.service.execute(sid(1), supervisorTransfer("desk", "vip", "ada"))).toBeNull();
    expect(one.handedOver).toMatchObject([
      [sid(1), { destination: "desk", reason: "vip", by: "supervisor" }],
    ]);
    expect(await two.service.execute(sid(9), supervisorEnd("ada"))).toBe("not_found");
  });

  it("with a note of a supervisor reaches the model wherever the call is", async () => {
    const { model } = await one.talk(1);
    await turns();
    const note = { type: "note", text: "A vip.", by: "ada" } as const;
    expect(await two.service.execute(sid(1), note)).toBeNull();
    expect(JSON.stringify(model.of("conversation.item.create"))).toContain("A vip.");
  });

  it("about a call of this process is not sent to another", async () => {
    await one.talk(1);
    await turns();
    wire.asked.length = 0;
    await one.service.connectEnded(one.form(1, { CallStatus: "completed" }));
    one.service.callback("recording-status", one.form(5), PLAIN);
    two.service.callback("recording-status", two.form(1), PLAIN);
    await one.service.execute(sid(1), supervisorEnd("ada"));
    expect(wire.asked).toEqual([]);
  });

  it("of a kind that only a newer version knows is not answered", async () => {
    await one.talk(1);
    await turns();
    const odd = { kind: "sing" } as unknown as PeerRequest;
    expect(await wire.members[0]!.answer(sid(1), odd)).toBeNull();
  });
});

describe("near and far processes", () => {
  const fake = (answer: PeerReply | null, first: boolean | null) => {
    const seen: string[] = [];
    const fleet: Cluster = {
      join: () => void seen.push("join"),
      claim: () => void seen.push("hold"),
      release: () => void seen.push("letGo"),
      ask: async () => {
        seen.push("ask");
        return answer;
      },
      claimOnce: async () => {
        seen.push("claim");
        return first;
      },
    };
    return { fleet, seen };
  };
  const done: PeerReply = { kind: "done" };

  it("asks far processes what near ones do not know, and to decide one-time claims", async () => {
    const near = fake(done, true);
    const far = fake(null, false);
    const both = new TieredCluster(near.fleet, far.fleet);
    both.join({ answer: async () => null, moved: () => undefined });
    both.claim(sid(1));
    both.release(sid(1));
    expect(await both.ask(sid(1), { kind: "command", command: supervisorEnd("ada") })).toEqual(
      done,
    );
    expect(await both.claimOnce("k", 1)).toBe(false);
    expect([near.seen, far.seen]).toEqual([
      ["join", "hold", "letGo", "ask"],
      ["join", "hold", "letGo", "claim"],
    ]);
  });

  it("asks the other side where one has no answer", async () => {
    const near = fake(null, true);
    const far = fake(done, null);
    const both = new TieredCluster(near.fleet, far.fleet);
    expect(await both.ask(sid(1), { kind: "command", command: supervisorEnd("ada") })).toEqual(
      done,
    );
    expect(await both.claimOnce("k", 1)).toBe(true);
  });
});
