import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId } from "../../src/domain/ids.js";
import { type LedgerEntry, PlayoutLedger } from "../../src/playout/playout-ledger.js";

const RESPONSE = "resp" as ResponseId;
const id = (n: number): ItemId => `item${n}` as ItemId;
/** 20 ms. */
const FRAME = 160;

function opened(
  ledger: PlayoutLedger,
  n: number,
  state: Partial<Omit<LedgerEntry, "itemId" | "responseId" | "contentIndex">>,
): LedgerEntry {
  return Object.assign(ledger.open(id(n), RESPONSE, 0), state);
}

describe("PlayoutLedger: order", () => {
  it("sends what came first", () => {
    const ledger = new PlayoutLedger();
    opened(ledger, 1, { receivedBytes: 800, sentBytes: 800 });
    const second = opened(ledger, 2, { receivedBytes: 800, sentBytes: 160 });
    opened(ledger, 3, { receivedBytes: 800 });
    expect(ledger.nextToSend()).toBe(second);
    expect(ledger.last?.itemId).toBe(id(3));
  });

  it("has nothing to send once everything that came was sent", () => {
    const ledger = new PlayoutLedger();
    expect(ledger.nextToSend()).toBeUndefined();
    opened(ledger, 1, { receivedBytes: 800, sentBytes: 800 });
    expect(ledger.nextToSend()).toBeUndefined();
  });

  it("finds the latest account of an item that spoke twice", () => {
    const ledger = new PlayoutLedger();
    opened(ledger, 1, {});
    opened(ledger, 2, {});
    const again = opened(ledger, 1, {});
    expect(ledger.find(id(1))).toBe(again);
    expect(ledger.find(id(9))).toBeUndefined();
  });
});

describe("PlayoutLedger.bytesToPlayed", () => {
  const whole = { receivedBytes: 800, sentBytes: 800, startBytes: 1600, complete: true };

  it.each([
    ["just sent", whole, 1600, 800],
    ["one byte short", whole, 2399, 1],
    ["heard to its end", whole, 2400, 0],
    ["more may come", { ...whole, complete: false }, 1600, null],
    ["not all sent", { ...whole, sentBytes: 640 }, 1600, null],
  ])("%s", (_what, state, playedBytes, missing) => {
    const ledger = new PlayoutLedger();
    expect(ledger.bytesToPlayed(playedBytes)).toBeNull();
    opened(ledger, 1, state);
    expect(ledger.bytesToPlayed(playedBytes)).toBe(missing);
  });
});

describe("PlayoutLedger.takePlayed", () => {
  const whole = { receivedBytes: 800, sentBytes: 800, startBytes: 1600, complete: true };

  it.each([
    ["heard to its end", whole, 2400, true],
    ["one byte short", whole, 2399, false],
    ["more may come", { ...whole, complete: false }, 9999, false],
    ["not all sent", { ...whole, sentBytes: 640 }, 9999, false],
    ["without any audio", { complete: true }, 0, true],
  ])("%s", (_what, state, playedBytes, taken) => {
    const ledger = new PlayoutLedger();
    opened(ledger, 1, state);
    expect(ledger.takePlayed(playedBytes)?.itemId).toBe(taken ? id(1) : undefined);
    expect(ledger.entries).toHaveLength(taken ? 0 : 1);
  });

  it("waits for the oldest, and reports its length as heard", () => {
    const ledger = new PlayoutLedger();
    opened(ledger, 1, { ...whole, startBytes: 0 });
    opened(ledger, 2, { ...whole, startBytes: 800 });
    expect(ledger.takePlayed(790)).toBeUndefined();
    expect(ledger.takePlayed(900)).toEqual({
      itemId: id(1),
      responseId: RESPONSE,
      contentIndex: 0,
      heardMs: 100,
      receivedMs: 100,
      cut: false,
    });
    expect(ledger.takePlayed(900)).toBeUndefined();
  });
});

describe("PlayoutLedger.takeAll", () => {
  const sent = { receivedBytes: 1600, sentBytes: 1600, startBytes: 0 };

  it.each([
    ["in the middle", { ...sent, complete: true }, 800, 100, true],
    ["all but its last frame heard", { ...sent, complete: true }, 1600 - FRAME, 200, false],
    ["a byte more missing", { ...sent, complete: true }, 1600 - FRAME - 1, 179, true],
    ["more was to come", sent, 1600, 200, true],
    ["only some was sent", { ...sent, sentBytes: 800 }, 4000, 100, true],
    ["nothing was sent", { receivedBytes: 1600 }, 4000, 0, true],
    ["it begins later", { ...sent, startBytes: 5000 }, 4000, 0, true],
  ])("%s", (_what, state, playedBytes, heardMs, cut) => {
    const ledger = new PlayoutLedger();
    opened(ledger, 1, state);
    expect(ledger.takeAll(playedBytes)).toMatchObject([{ heardMs, receivedMs: 200, cut }]);
    expect(ledger.entries).toEqual([]);
  });

  it("reports every item, oldest first", () => {
    const ledger = new PlayoutLedger();
    opened(ledger, 1, { ...sent, complete: true });
    opened(ledger, 2, { ...sent, startBytes: 1600 });
    opened(ledger, 3, {});
    const reports = ledger.takeAll(2400);
    expect(reports.map(({ itemId, heardMs, cut }) => [itemId, heardMs, cut])).toEqual([
      [id(1), 200, false],
      [id(2), 100, true],
      [id(3), 0, true],
    ]);
  });
});
