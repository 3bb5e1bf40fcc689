import { describe, expect, it } from "vitest";
import type { CallState } from "../../../src/relay/call/call-events.js";
import { FarewellWatch } from "../../../src/relay/call/farewell-watch.js";

const LEAVING: CallState = {
  name: "leaving",
  disposition: { kind: "end", reason: "agent", farewell: "ask" },
};

function stage(state: CallState = LEAVING) {
  const told: string[] = [];
  const host = {
    state,
    session: { quiet: true } as { quiet: boolean } | null,
    heardOut: true,
    soundUntilMs: Number.NEGATIVE_INFINITY,
    path: {
      heard: () => ({ soundUntilMs: host.soundUntilMs, silentSinceMs: null }),
      isHeardOut: () => host.heardOut,
    },
    dispatch: (event: { readonly type: string }) => void told.push(event.type),
  };
  const one = new FarewellWatch(host);
  one.begins(1_000);
  return { told, host, one };
}

describe("a farewell", () => {
  it.each([
    ["the model has more to say", { quiet: false }, true, []],
    ["the caller still hears it", { quiet: true }, false, []],
    ["it was heard to its end", { quiet: true }, true, ["heard_out"]],
    ["the model is gone", null, true, ["heard_out"]],
  ])("%s: over or not", (_, session, heardOut, expected) => {
    const { told, host, one } = stage();
    host.session = session;
    host.heardOut = heardOut;
    one.playbackMoved(2_000);
    expect(told).toEqual(expected);
  });

  it("is given up after 3.5 s of silence, counted from the last sound", () => {
    const { told, host, one } = stage();
    one.tick(4_499);
    expect(told).toEqual([]);
    host.soundUntilMs = 3_000;
    one.tick(6_499);
    expect(told).toEqual([]);
    one.tick(6_500);
    expect(told).toEqual(["timer"]);
  });

  it("does not concern a call that is not leaving", () => {
    const { told, one } = stage({ name: "talking" });
    one.playbackMoved(9_000);
    one.tick(9_000);
    expect(told).toEqual([]);
  });
});
