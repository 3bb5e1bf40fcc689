import { describe, expect, it } from "vitest";
import { TransferGuard } from "../../src/transfer/guard.js";

const limits = { perCaller: 3, windowMs: 60_000, callersMost: 2 };

describe("TransferGuard", () => {
  it("grants a call only so many", () => {
    const guard = new TransferGuard(limits);
    expect(guard.admit("a", 1, 2, 0)).toBeNull();
    expect(guard.admit("a", 2, 2, 0)).toBe("per_call");
  });

  it("grants a caller only so many within the window, over all calls", () => {
    const guard = new TransferGuard(limits);
    const at = (ms: number) => guard.admit("a", 0, 9, ms);
    expect([at(0), at(30_000), at(30_001), at(59_999), at(60_000), at(60_001)]).toEqual([
      null,
      null,
      null,
      "per_caller",
      null,
      "per_caller",
    ]);
    expect(guard.admit("b", 0, 9, 60_001)).toBeNull();
  });

  it("remembers a bounded number of callers, the quietest forgotten first", () => {
    const guard = new TransferGuard(limits);
    for (let i = 0; i < 3; i++) guard.admit("a", 0, 9, i);
    guard.admit("b", 0, 9, 5);
    expect(guard.admit("a", 0, 9, 6)).toBe("per_caller");
    guard.admit("c", 0, 9, 7);
    expect(guard.size).toBe(2);
    expect(guard.admit("a", 0, 9, 8)).toBe("per_caller");
  });
});
