import { describe, expect, it } from "vitest";
import { TransferGuard } from "../../src/transfer/guard.js";

const HOUR = 3_600_000;
const asked = (changes: Partial<Parameters<TransferGuard["admit"]>[0]> = {}) => ({
  inCall: 0,
  maxPerCall: 3,
  key: "+12025550111",
  maxPerHour: 2,
  ...changes,
});

describe("TransferGuard", () => {
  it("admits only so many transfers of one call", () => {
    const guard = new TransferGuard();
    expect(guard.admit(asked({ inCall: 2 }), 0)).toBeNull();
    expect(guard.admit(asked({ inCall: 3 }), 0)).toBe("call_limit");
  });

  it("admits only so many transfers to one destination within an hour, over all calls", () => {
    const guard = new TransferGuard();
    const at = (ms: number) => guard.admit(asked(), ms);
    expect([at(0), at(1_000), at(2_000), at(HOUR - 1), at(HOUR), at(HOUR + 999)]).toEqual([
      null,
      null,
      "destination_limit",
      "destination_limit",
      null,
      "destination_limit",
    ]);
    expect(guard.admit(asked({ key: "queue support" }), 2_000)).toBeNull();
  });

  it("does not count what it refuses", () => {
    const guard = new TransferGuard();
    for (let ms = 0; ms < 10; ms++) guard.admit(asked({ inCall: 3 }), ms);
    expect(guard.admit(asked(), 11)).toBeNull();
  });

  it("admits any number where the destination has no limit", () => {
    const guard = new TransferGuard();
    for (let ms = 0; ms < 5_000; ms++)
      expect(guard.admit(asked({ maxPerHour: null }), ms)).toBeNull();
  });
});
