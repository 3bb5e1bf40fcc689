import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BalancedNodes, balancedSkip, placeOf } from "../fakes/balanced-nodes.js";

/** Four times as often as shipped, so that a restart takes seconds. */
const CHECK_MS = 250;

describe.skipIf(balancedSkip() !== null)("a cluster behind HAProxy", () => {
  let balanced: BalancedNodes;

  beforeAll(async () => {
    balanced = await BalancedNodes.start(CHECK_MS);
  }, 120_000);
  afterAll(async () => await balanced?.close(), 60_000);

  it("is restarted node by node while calls come and go: none is dropped, none is refused", async () => {
    let coming = true;
    const sides: (string | undefined)[] = [];
    const dropped: unknown[] = [];
    const placed: Promise<void>[] = [];
    const comeAndGo = async (): Promise<void> => {
      while (coming) {
        const whole = async (): Promise<void> => {
          const call = await balanced.place();
          await sleep(1_500);
          const alive = call.streams.length === 1 && call.streams[0]!.open;
          if (!alive || call.events.find("dial") !== undefined)
            dropped.push([call.sid, ...call.events.entries]);
          sides.push(placeOf(call).split("/")[0]);
          call.hangUp();
          await call.ended;
        };
        placed.push(whole().catch((error: unknown) => void dropped.push(error)));
        await sleep(150);
      }
    };
    const calling = comeAndGo();
    for (const i of [0, 1]) {
      expect(await balanced.restart(i)).toBe(0);
      // Until HAProxy has seen it three times.
      await sleep(4 * CHECK_MS);
    }
    coming = false;
    await calling;
    await Promise.all(placed);
    await balanced.endCalls();
    expect(dropped).toEqual([]);
    expect(placed.length).toBeGreaterThan(50);
    expect(new Set(sides).size).toBe(2);
    expect(balanced.twilio.violations()).toEqual([]);
  }, 120_000);
});
