import { describe, expect, it } from "vitest";
import { PendingRequests } from "../../src/domain/pending-requests.js";
import { FakeClock } from "../fakes/fake-clock.js";

describe("a pending request", () => {
  it("is settled by the reply with its id, and its timer goes", async () => {
    const clock = new FakeClock();
    const requests = new PendingRequests<string>(clock);
    const ids: number[] = [];
    const first = requests.open(100, "late", (id) => void ids.push(id));
    const second = requests.open(100, "late", (id) => void ids.push(id));
    expect(ids).toEqual([1, 2]);
    expect(requests.settle(2, "two")).toBe(true);
    expect(requests.settle(1, "one")).toBe(true);
    expect(await Promise.all([first, second])).toEqual(["one", "two"]);
    expect([requests.size, clock.pending]).toEqual([0, 0]);
  });

  it("is settled once: by its time-out, and a reply after it is no one's", async () => {
    const clock = new FakeClock();
    const requests = new PendingRequests<string | null>(clock);
    const asked = requests.open(100, null, () => undefined);
    clock.advance(100);
    expect(await asked).toBeNull();
    expect(requests.settle(1, "too late")).toBe(false);
    expect(requests.settle(99, "unknown")).toBe(false);
  });

  it("is rejected when it cannot be sent, and forgotten", async () => {
    const clock = new FakeClock();
    const requests = new PendingRequests<string>(clock);
    const asked = requests.open(100, "late", () => {
      throw new Error("the channel is closed");
    });
    await expect(asked).rejects.toThrow("closed");
    expect([requests.size, clock.pending]).toEqual([0, 0]);
  });

  it("gets what it would have got late when all are closed", async () => {
    const clock = new FakeClock();
    const requests = new PendingRequests<string>(clock);
    const asked = [1, 2].map((n) => requests.open(100, `late ${n}`, () => undefined));
    requests.close();
    expect(await Promise.all(asked)).toEqual(["late 1", "late 2"]);
    expect(clock.pending).toBe(0);
  });
});
