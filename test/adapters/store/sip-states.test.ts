import { describe, expect, it } from "vitest";
import { StoredSipStates } from "../../../src/adapters/store/sip-states.js";
import type { SharedState } from "../../../src/ports/store.js";
import type { KeptSipCall } from "../../../src/relay/sip/sip-states.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { testSid } from "../../fakes/record-events.js";

const SID = testSid(1);
const call = (agent: string) => ({ agent }) as unknown as KeptSipCall;
const settle = async () => await new Promise((resolve) => setImmediate(resolve));

/** Writes are finished by the test, in any order. */
class SlowState {
  readonly values = new Map<string, string>();
  readonly waiting: ((error?: Error) => void)[] = [];

  async #write(change: () => void): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.waiting.push((error) => (error === undefined ? resolve() : reject(error)));
    });
    change();
  }

  readonly state = {
    putState: async (key: string, value: string) => {
      await this.#write(() => this.values.set(key, value));
      return true;
    },
    removeState: async (key: string) => await this.#write(() => this.values.delete(key)),
    getState: async (key: string) => {
      const value = this.values.get(key);
      return value === undefined ? null : { value, version: 1 };
    },
  } as Partial<SharedState> as SharedState;

  async finishNext(error?: Error): Promise<void> {
    await settle();
    this.waiting.shift()?.(error);
    await settle();
  }
}

describe("StoredSipStates", () => {
  it("writes a call's states one after the other, so that the last one stays", async () => {
    const slow = new SlowState();
    const states = new StoredSipStates(slow.state, new FakeLog());
    states.keep(SID, call("first"));
    states.keep(SID, call("second"));
    states.keep(testSid(2), call("other"));
    await settle();
    expect(slow.waiting).toHaveLength(2);
    for (let i = 0; i < 3; i++) await slow.finishNext();
    expect(await states.find(SID)).toEqual(call("second"));
    states.drop(SID);
    await slow.finishNext();
    expect(await states.find(SID)).toBeNull();
    expect(await states.find(testSid(2))).toEqual(call("other"));
  });

  it("logs a write that failed, and goes on with the next", async () => {
    const slow = new SlowState();
    const log = new FakeLog();
    const states = new StoredSipStates(slow.state, log);
    states.keep(SID, call("first"));
    states.keep(SID, call("second"));
    await slow.finishNext(new Error("away"));
    await slow.finishNext();
    expect(await states.find(SID)).toEqual(call("second"));
    expect(log.lines).toEqual([`warn sip: state not stored {"callSid":"${SID}"}`]);
  });
});
