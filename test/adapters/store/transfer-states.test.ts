import { afterEach, describe, expect, it } from "vitest";
import { openStore } from "../../../src/adapters/store/open-store.js";
import { StoredSums } from "../../../src/adapters/store/stored-sums.js";
import { StoredTransferStates } from "../../../src/adapters/store/transfer-states.js";
import type { Store } from "../../../src/ports/store.js";
import type { KeptTransfer } from "../../../src/relay/calls/transfer-service.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { testSid } from "../../fakes/record-events.js";

const SID = testSid(1);
const transfer = (step: string) => ({ step }) as unknown as KeptTransfer;
const open: Store[] = [];

async function opened() {
  const clock = new FakeClock();
  const store = await openStore("sqlite::memory:", () => undefined, {
    nowMs: () => clock.nowMs(),
    observe: () => undefined,
  });
  open.push(store);
  return { clock, store };
}

afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
});

describe("StoredTransferStates", () => {
  it("finds the last state of a call, and nothing of another", async () => {
    const { clock, store } = await opened();
    const states = new StoredTransferStates(store, new StoredSums(store, clock), new FakeLog());
    states.keep(SID, transfer("dialing"));
    states.keep(SID, transfer("answered"));
    expect(await states.find(SID)).toEqual(transfer("answered"));
    expect(await states.find(testSid(2))).toBeNull();
  });

  it("counts per destination and hour, across processes", async () => {
    const { clock, store } = await opened();
    const here = new StoredTransferStates(store, new StoredSums(store, clock), new FakeLog());
    const there = new StoredTransferStates(store, new StoredSums(store, clock), new FakeLog());
    expect(await here.count("sales")).toBe(1);
    expect(await there.count("sales")).toBe(2);
    expect(await here.count("support")).toBe(1);
    clock.advance(3_600_000);
    expect(await here.count("sales")).toBe(1);
  });

  it("puts no phone number into a key", async () => {
    const { clock, store } = await opened();
    const keys: string[] = [];
    const watched: Store = Object.create(store, {
      putState: {
        value: async (key: string, value: string, ttlMs: number) => {
          keys.push(key);
          return await store.putState(key, value, ttlMs);
        },
      },
    });
    await new StoredTransferStates(watched, new StoredSums(watched, clock), new FakeLog()).count(
      "+4930123456",
    );
    expect(keys).toHaveLength(1);
    expect(keys[0]).not.toContain("4930123456");
  });

  it("logs a write that failed, and does not throw", async () => {
    const { clock, store } = await opened();
    const log = new FakeLog();
    await store.close();
    open.pop();
    new StoredTransferStates(store, new StoredSums(store, clock), log).keep(
      SID,
      transfer("dialing"),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.lines).toEqual([`warn transfer: state not stored {"callSid":"${SID}"}`]);
  });
});
