import { describe, expect, it } from "vitest";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import type { Disposition } from "../../../src/relay/call/call-events.js";
import { CallerKeys } from "../../../src/relay/call/caller-keys.js";
import { LimitWatch } from "../../../src/relay/call/limit-watch.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";

function keys(profile: AgentProfile = agent()) {
  const clock = new FakeClock();
  const left: Disposition[] = [];
  const told: string[] = [];
  const host = {
    agent: profile,
    eventLog: new CallEventLog(sid(1), { write: () => undefined }, () => clock.nowMs()),
    leave: (disposition: Disposition) => void left.push(disposition),
    tellModel: (fact: string) => void told.push(fact),
  };
  const one = new CallerKeys(host, new LimitWatch(profile.limits, 55), clock);
  const press = (text: string) => {
    for (const key of text) one.pressed(key);
  };
  return { clock, left, told, one, press };
}

describe("keys that a caller presses", () => {
  it("lead to a person by the transfer key alone", () => {
    const { left, press } = keys();
    press("0");
    expect(left).toMatchObject([
      { kind: "transfer", farewell: "none", request: { destination: "desk", by: "key" } },
    ]);
  });

  it("are a number when others come before the transfer key", () => {
    const { clock, left, told, press } = keys();
    press("4017");
    clock.advance(2_000);
    expect(left).toEqual([]);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("4017");
  });

  it("are ignored unless a telephone has them", () => {
    const { clock, told, one } = keys();
    for (const key of ["?", "", "12", "x", "e", "press 0"]) one.pressed(key);
    clock.advance(5_000);
    expect(told).toEqual([]);
  });

  it("lead to a person again once the number is over", () => {
    const { clock, left, press } = keys();
    press("41");
    clock.advance(2_000);
    press("0");
    expect(left).toHaveLength(1);
  });

  it("go to the model when there is no destination", () => {
    const { clock, left, told, press } = keys(
      agent({ transfer: { ...agent().transfer, default: null } }),
    );
    press("0");
    clock.advance(2_000);
    expect(left).toEqual([]);
    expect(told).toHaveLength(1);
  });

  it("are forgotten with the stream", () => {
    const { clock, told, one, press } = keys();
    press("12");
    one.forget();
    clock.advance(5_000);
    expect(told).toEqual([]);
  });
});
