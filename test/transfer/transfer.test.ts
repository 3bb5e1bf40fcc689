import { describe, expect, it } from "vitest";
import { readLink, type TransferLink } from "../../src/transfer/transfer-link.js";
import { failoverAgent } from "./directory.js";
import { CALL, PhoneWorld, type Plan, type Rest } from "./phone-world.js";

/** A link of ours, as it comes back. */
function linkOf(url: string): TransferLink {
  const link = readLink(Object.fromEntries(new URL(url).searchParams));
  if (link === null) throw new Error(`not a link: ${url}`);
  return link;
}

/** A transfer whose farewell has been heard, half a minute later. */
async function transferred(
  names: readonly string[],
  plan: Partial<Plan> = {},
  request = {},
  deps = {},
) {
  const world = new PhoneWorld(failoverAgent(...names), plan, request, deps);
  world.transfer.farewellHeard();
  await world.pass(30_000);
  return world;
}

const fault = (code: Extract<Rest, { fate: "fault" }>["code"], done = false, ms = 50): Rest => ({
  fate: "fault",
  code,
  done,
  ms,
});

describe("a transfer that goes well", () => {
  it.each(["desk", "sip", "queue", "experts", "warm"])(
    "connects the caller through %s",
    async (name) => {
      const world = await transferred([name]);
      expect(world.endings).toEqual([["answered", "connected"]]);
      expect(world.outcomes).toEqual([
        expect.objectContaining({ destination: name, outcome: "answered" }),
      ]);
      expect(world.redirects).toHaveLength(1);
      expect(world.talked).toBe(true);
      expect(world.complaints).toEqual([]);
      expect(world.clock.pending).toBe(0);
    },
  );

  it("asks nothing of Twilio before the farewell was heard", async () => {
    const world = new PhoneWorld(failoverAgent("desk"), {});
    await world.pass(10_000);
    expect(world.redirects).toEqual([]);
    world.transfer.farewellHeard();
    world.transfer.farewellHeard();
    await world.pass(100);
    expect(world.redirects).toHaveLength(1);
  });

  it("keeps the caller out of the conversation until the human has pressed 1", async () => {
    const world = new PhoneWorld(failoverAgent("warm"), { humans: ["takes"] });
    world.transfer.farewellHeard();
    await world.pass(4_500);
    expect(world.steps).toContain("screening");
    expect(world.legs[0]!.inConference).toBe(false);
    expect(world.where.in).toBe("conference");
    await world.pass(1_000);
    expect(world.legs[0]!.inConference).toBe(true);
    expect(world.endings).toEqual([["answered", "connected"]]);
  });

  it("tells the customer database before, and gives its reference to the human", async () => {
    const asked: unknown[] = [];
    const world = new PhoneWorld(
      failoverAgent("experts"),
      {},
      {},
      {
        escalate: async (request: unknown, agent: string) => {
          asked.push([request, agent]);
          return "CASE-9";
        },
      },
    );
    world.transfer.farewellHeard();
    await world.pass(1_000);
    expect(asked).toEqual([[world.transfer.request, "support"]]);
    expect(JSON.stringify(world.redirects)).toContain("CASE-9");
    expect(world.steps).toContain("escalated");
  });

  it("does not wait for a customer database that hangs", async () => {
    const world = new PhoneWorld(
      failoverAgent("warm"),
      {},
      {},
      {
        escalate: () => new Promise(() => undefined),
      },
    );
    world.transfer.farewellHeard();
    await world.pass(1_000);
    expect(world.redirects).toHaveLength(1);
  });
});

describe("a destination that fails", () => {
  it.each([
    ["desk", "busy", "busy"],
    ["desk", "no_answer", "no_answer"],
    ["desk", "failed", "failed"],
    ["queue", "busy", "busy"],
    ["queue", "no_answer", "no_answer"],
    ["experts", "failed", "failed"],
    ["warm", "busy", "busy"],
    ["warm", "no_answer", "no_answer"],
    ["warm", "failed", "failed"],
    ["warm", "declines", "declined"],
    ["warm", "hangs_up", "declined"],
    ["warm", "silent", "no_answer"],
  ] as const)("brings the caller back to the agent: %s, %s", async (name, human, outcome) => {
    const world = await transferred([name], { humans: [human] });
    expect(world.endings).toEqual([[outcome, "back_to_agent"]]);
    expect(world.where.in).toBe("agent");
    expect(world.complaints).toEqual([]);
    expect(world.clock.pending).toBe(0);
  });

  it("gives way to the next of its failover list, whatever their kinds", async () => {
    const humans = ["busy", "declines", "no_answer", "talks"] as const;
    const world = await transferred(["desk", "warm", "queue", "sip"], { humans });
    expect(world.endings).toEqual([["answered", "connected"]]);
    expect(world.outcomes).toEqual([
      expect.objectContaining({ destination: "sip", outcome: "answered" }),
    ]);
    expect(world.steps.filter((step) => ["busy", "declined", "no_answer"].includes(step))).toEqual([
      "busy",
      "declined",
      "no_answer",
    ]);
    expect(world.spoken).toEqual(Array(3).fill("One moment please, I am connecting you."));
  });

  it("leaves the caller in the conference while one human after the other is called", async () => {
    const world = await transferred(["warm", "warm_too"], { humans: ["busy", "talks"] });
    expect(world.redirects).toHaveLength(1);
    expect(world.legs).toHaveLength(2);
    expect(world.endings).toEqual([["answered", "connected"]]);
  });

  it("ends with an apology for callers whom the agent does not take back", async () => {
    const world = await transferred(["desk"], { humans: ["busy"] }, { by: "limit" });
    expect(world.endings).toEqual([["busy", "apology"]]);
    expect(world.spoken).toEqual(["Sorry."]);
    expect(world.alive).toBe(false);
  });
});

describe("Twilio's REST that fails", () => {
  it.each([
    ["busy", [fault("twilio_busy")], 2],
    ["busy twice", [fault("twilio_busy"), fault("twilio_busy")], 3],
    ["a server's fault, not carried out", [fault("twilio_unavailable")], 2],
    ["a server's fault, carried out all the same", [fault("twilio_unavailable", true)], 1],
    ["a time-out, carried out all the same", [fault("twilio_timeout", true, 10_000)], 1],
  ] as const)("dials once: %s", async (_, rest, redirects) => {
    const world = new PhoneWorld(failoverAgent("desk"), { rest });
    world.transfer.farewellHeard();
    await world.pass(30_000);
    // A request that was not carried out is not in the list; how often it was sent shows in the
    // steps.
    expect(world.redirects).toHaveLength(1);
    expect(world.steps.filter((step) => step === "redirect_failed").length).toBeLessThanOrEqual(
      redirects,
    );
    expect(world.legs).toHaveLength(1);
    expect(world.endings).toEqual([["answered", "connected"]]);
    expect(world.complaints).toEqual([]);
  });

  it.each([
    ["hangs", [fault("twilio_timeout", false, 10_000)]],
    ["is down", Array<Rest>(20).fill(fault("twilio_unavailable"))],
    ["refuses", [fault("twilio_rejected")]],
    ["does not know us", [fault("twilio_unauthorized")]],
  ] as const)(
    "makes Twilio ask instead, so that the caller hears something within two seconds: %s",
    async (_, rest) => {
      const world = new PhoneWorld(failoverAgent("desk"), { rest });
      world.transfer.farewellHeard();
      await world.pass(2_000);
      expect(world.where.in).toBe("dial");
      expect(world.steps).toContain("stream_closed");
      await world.pass(40_000);
      expect(world.endings).toEqual([["answered", "connected"]]);
      expect(world.legs).toHaveLength(1);
    },
  );

  it.each([
    ["was not carried out", false],
    ["was carried out", true],
  ])("calls a warm human once when the request timed out and %s", async (_, done) => {
    const rest: Rest[] = [{ fate: "ok", ms: 20 }, fault("twilio_timeout", done, 500)];
    const world = await transferred(["warm"], { rest });
    expect(world.legs).toHaveLength(1);
    expect(world.endings).toEqual([["answered", "connected"]]);
  });

  it("does not take another caller's human for ours", async () => {
    const rest: Rest[] = [{ fate: "ok", ms: 20 }, fault("twilio_timeout", false, 500)];
    const world = new PhoneWorld(failoverAgent("warm"), { rest });
    // Somebody else is ringing the same desk.
    world.legs.push({
      sid: CALL,
      human: true,
      status: "ringing",
      statusUrl: null,
      inConference: false,
    });
    world.transfer.farewellHeard();
    await world.pass(30_000);
    expect(world.legs[0]!.status).toBe("ringing");
    expect(world.endings).toEqual([["failed", "back_to_agent"]]);
  });
});

describe("a caller who hangs up", () => {
  it.each([
    ["during the farewell", "desk", -1, "caller_gone"],
    ["in the same instant as the request", "desk", 0, "caller_gone"],
    ["while it rings", "desk", 1_000, "caller_gone"],
    ["in the queue", "queue", 1_000, "caller_gone"],
    ["while the human's phone rings", "warm", 1_500, "caller_gone"],
    ["while the human is asked for a key", "warm", 3_500, "caller_gone"],
    ["after the talk began", "desk", 5_000, "answered"],
    ["after the warm human had joined", "warm", 9_000, "answered"],
  ] as const)(
    "%s is one outcome, and no phone goes on ringing",
    async (_, name, hangUpMs, outcome) => {
      const world = new PhoneWorld(failoverAgent(name), { hangUpMs: Math.max(0, hangUpMs) });
      if (hangUpMs < 0) await world.pass(500);
      world.transfer.farewellHeard();
      await world.pass(60_000);
      expect(world.outcomes).toHaveLength(1);
      expect(world.endings[0]![0]).toBe(outcome);
      expect(
        world.legs.filter(({ status }) => status === "ringing" || status === "in-progress"),
      ).toEqual([]);
      expect(world.log.lines.filter((line) => /^(error|warn)/.test(line))).toEqual([]);
      expect(world.clock.pending).toBe(0);
    },
  );

  it("is told to the human who accepts too late", async () => {
    const world = new PhoneWorld(failoverAgent("warm"), {});
    world.transfer.farewellHeard();
    await world.pass(4_500);
    const leg = world.legs[0]!;
    const link = linkOf(leg.statusUrl!);
    world.transfer.callerHungUp();
    const twiml = world.transfer.callback({ CallSid: leg.sid, Digits: "1" }, link);
    expect(twiml.map((verb) => verb.verb)).toEqual(["say", "hangup"]);
  });
});

describe("a human's key", () => {
  it("that means nothing is asked for again", async () => {
    const world = new PhoneWorld(failoverAgent("warm"), {});
    world.transfer.farewellHeard();
    await world.pass(4_500);
    const leg = world.legs[0]!;
    const link = linkOf(leg.statusUrl!);
    const twiml = world.transfer.callback({ CallSid: leg.sid, Digits: "7" }, link);
    expect(twiml.map((verb) => verb.verb)).toEqual(["gather", "redirect"]);
  });

  it("gets the same answer when the request is repeated", async () => {
    const world = new PhoneWorld(failoverAgent("warm"), { delaysMs: [5_000] });
    world.transfer.farewellHeard();
    await world.pass(4_500);
    const leg = world.legs[0]!;
    const link = linkOf(leg.statusUrl!);
    const press = () => world.transfer.callback({ CallSid: leg.sid, Digits: "1" }, link);
    const first = press();
    expect(first).toMatchObject([
      { verb: "dial", target: { type: "conference" } },
      { verb: "hangup" },
    ]);
    expect(press()).toEqual(first);
  });
});
