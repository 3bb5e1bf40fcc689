import { describe, expect, it } from "vitest";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import { RelayError } from "../../../src/domain/errors.js";
import { CallExits, type CallExitsDeps, SipExits } from "../../../src/relay/calls/call-exits.js";
import type { RelayCall, SipCall } from "../../../src/relay/calls/registry.js";
import type { ReferTransfers } from "../../../src/relay/sip/refer.js";
import type { SipStates } from "../../../src/relay/sip/sip-states.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";
import { Told } from "../../fakes/told.js";

const REQUEST = { destination: "desk", by: "agent" } as Parameters<CallExits["handOver"]>[1];
const WITHOUT_HUMAN = { transfer: { ...agent().transfer, default: null } };

function stage(
  changes: Partial<AgentProfile> = {},
  given: { isTrunk?: boolean; error?: Error } = {},
) {
  const told = new Told();
  const log = new FakeLog();
  const clock = new FakeClock();
  let isKnown = true;
  const call = {
    agent: agent(changes),
    parties: { callSid: sid(1) },
    path: { isTrunk: given.isTrunk ?? false },
    execute: ({ type, next }: { type: string; next?: string }) =>
      void told.lines.push(`call.${type} ${next}`),
  } as unknown as RelayCall & SipCall;
  const deps = {
    registry: {
      changed: told.keep("registry.changed"),
      remove: (_: RelayCall, how: string) => {
        if (isKnown) told.lines.push(`registry.remove ${how}`);
        return isKnown;
      },
    },
    transfers: {
      begin: (_: RelayCall, { by, destination }: typeof REQUEST, how = "now") =>
        void told.lines.push(`transfers.begin ${destination} by ${by} ${how}`),
      ...told.all("transfers", "announce", "callerGone", "forget"),
    },
    control: {
      redirect: async () => {
        told.lines.push("control.redirect");
        if (given.error !== undefined) throw given.error;
      },
      hangUp: async () => void told.lines.push("control.hangUp"),
    },
    clock,
    cluster: told.all("cluster", "release"),
    log,
  };
  const exits = new CallExits(deps as unknown as CallExitsDeps, told.all("returns", "forget"));
  const refer = {
    begin: (_: SipCall, { destination }: typeof REQUEST) =>
      void told.lines.push(`refer.begin ${destination}`),
    ...told.all("refer", "forget"),
  };
  const states = told.all("states", "drop");
  const sip = new SipExits(
    exits,
    refer as unknown as ReferTransfers,
    states as unknown as SipStates,
  );
  const gone = () => {
    isKnown = false;
  };
  return { exits, sip, call, told, log, clock, gone };
}

describe("a call that leaves its agent because the agent failed", () => {
  it.each([
    [true, "follows"],
    [false, "redirect"],
  ])("goes to the default destination; Twilio asks what follows: %s", (follows, how) => {
    const { exits, call, told } = stage();
    exits.fallBack(call, "x", follows);
    expect(told.lines).toEqual([`transfers.begin desk by failure ${how}`]);
  });

  it("hears an apology where there is no destination, by command if Twilio does not ask", () => {
    for (const [follows, lines] of [
      [true, ["call.transfer_ended apology"]],
      [false, ["control.redirect", "call.transfer_ended apology"]],
    ] as const) {
      const { exits, call, told } = stage(WITHOUT_HUMAN);
      exits.fallBack(call, "x", follows);
      expect(told.lines).toEqual(lines);
    }
  });

  it("gets six requests for an apology, then a hang-up: no one is left alone", async () => {
    const error = new RelayError("twilio_unavailable", "500", { retryable: true });
    const { exits, call, told, clock } = stage(WITHOUT_HUMAN, { error });
    exits.fallBack(call, "x", false);
    for (let n = 0; n < 8; n++) {
      await settle();
      clock.advance(8_000);
    }
    const requests = told.lines.filter((line) => line.startsWith("control."));
    expect(requests).toEqual([...Array(6).fill("control.redirect"), "control.hangUp"]);
  });

  it.each([
    ["caller_gone", 0],
    ["twilio_unavailable", 1],
  ] as const)("without the apology (%s) is worth %i warnings", async (code, warnings) => {
    const { exits, call, log } = stage(WITHOUT_HUMAN, { error: new RelayError(code, "x") });
    exits.fallBack(call, "x", false);
    await settle();
    expect(log.lines).toHaveLength(warnings);
  });
});

describe("a call that is over", () => {
  it("is forgotten everywhere, and given back to the cluster", () => {
    const { exits, call, told } = stage();
    exits.ended(call);
    expect(told.lines).toEqual([
      "registry.remove ended",
      `returns.forget ${sid(1)}`,
      `transfers.forget ${sid(1)}`,
      `cluster.release ${sid(1)}`,
    ]);
  });

  it("stays the other process's where it has moved", () => {
    const { exits, call, told } = stage();
    exits.movedAway(call);
    expect(told.lines[0]).toBe("registry.remove moved");
    expect(told.lines.join()).not.toContain("cluster.release");
  });

  it("is forgotten once", () => {
    const { exits, call, told, gone } = stage();
    gone();
    exits.ended(call);
    exits.movedAway(call);
    expect(told.lines).toEqual([]);
  });
});

describe("a call on the SIP path", () => {
  const inConference = () => stage();
  const onTrunk = (changes = {}) => stage(changes, { isTrunk: true });

  it("is transferred as any other from its conference, and by REFER from a trunk", () => {
    const [conference, trunk] = [inConference(), onTrunk()];
    for (const { sip, call } of [conference, trunk]) {
      sip.handOver(call, REQUEST);
      sip.fallBack(call, "x", false);
    }
    expect(conference.told.lines).toEqual([
      "transfers.begin desk by agent now",
      "transfers.begin desk by failure redirect",
    ]);
    expect(trunk.told.lines).toEqual(["refer.begin desk", "refer.begin desk"]);
  });

  it("from a trunk cannot be apologised to, and its caller's end is its own", () => {
    const { sip, call, told } = onTrunk(WITHOUT_HUMAN);
    sip.fallBack(call, "x", false);
    sip.callerGone(call);
    sip.announce(call, REQUEST);
    expect(told.lines).toEqual(["call.transfer_ended apology", "call.transfer_ended gone"]);
  });

  it("leaves nothing for other processes once it is over, but everything when it moves", () => {
    const ended = inConference();
    ended.sip.ended(ended.call);
    expect(ended.told.lines.slice(0, 2)).toEqual([
      `refer.forget ${sid(1)}`,
      `states.drop ${sid(1)}`,
    ]);
    const moved = inConference();
    moved.sip.movedAway(moved.call);
    expect(moved.told.lines.join()).not.toContain("states.drop");
  });
});
