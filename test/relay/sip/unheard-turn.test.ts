import { describe, expect, it } from "vitest";
import { LONGEST_TURN_MS, UnheardTurn } from "../../../src/relay/sip/unheard-turn.js";

describe("a turn that the relay does not hear", () => {
  it("has ended after a while, whatever the server reports", () => {
    const turn = new UnheardTurn();
    expect(turn.silentSinceMs(1e6)).toBeNull();
    turn.reported(true, 1_000);
    const endMs = 1_000 + LONGEST_TURN_MS;
    expect([turn.silentSinceMs(endMs - 1), turn.silentSinceMs(endMs + 9)]).toEqual([null, endMs]);
    turn.reported(false, endMs);
    expect(turn.silentSinceMs(1e6)).toBeNull();
  });

  it("begins anew after an answer that it did not stop", () => {
    const turn = new UnheardTurn();
    turn.reported(true, 0);
    // The agent is heard until it notices the interruption.
    turn.sounds(500);
    expect(turn.silentSinceMs(LONGEST_TURN_MS)).toBe(LONGEST_TURN_MS);
    turn.overruled();
    turn.sounds(30_000);
    const endMs = 30_000 + LONGEST_TURN_MS;
    expect([turn.silentSinceMs(endMs - 1), turn.silentSinceMs(endMs)]).toEqual([null, endMs]);
  });

  it("is not begun by an answer alone", () => {
    const turn = new UnheardTurn();
    turn.overruled();
    turn.sounds(1_000);
    expect(turn.silentSinceMs(1e6)).toBeNull();
  });
});
