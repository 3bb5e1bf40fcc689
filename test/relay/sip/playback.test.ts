import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId } from "../../../src/domain/ids.js";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import { ServerPlayback } from "../../../src/relay/sip/playback.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";

const item = (text: string) => text as ItemId;
const response = (text: string) => text as ResponseId;
const end = (text: string, status: "completed" | "cancelled" = "completed") => ({
  responseId: response(text),
  status,
});

function playback() {
  const clock = new FakeClock();
  const events: RecordEvent[] = [];
  const began: ItemId[] = [];
  const log = new CallEventLog(sid(1), { write: (_sid, event) => void events.push(event) }, () =>
    clock.nowMs(),
  );
  const one = new ServerPlayback(
    log,
    () => clock.nowMs(),
    (itemId) => began.push(itemId),
  );
  const heard = () => events.filter((event) => event.type === "agent_heard");
  return { clock, began, one, heard };
}

describe("what a caller hears of a model on the SIP path", () => {
  it("begins when the server plays, not when the text comes", () => {
    const { began, one } = playback();
    one.responseStarted(response("r1"));
    one.text(item("i1"), "Hello.", true);
    expect(began).toEqual([]);
    expect([one.isPlaying, one.isPending]).toEqual([false, true]);
    one.happened("started", response("r1"));
    expect(began).toEqual(["i1"]);
    expect(one.isPlaying).toBe(true);
  });

  it("is heard to its end when the server says so of that response, and of no other", () => {
    const { clock, one, heard } = playback();
    one.responseStarted(response("r1"));
    one.text(item("i1"), "Hello.", true);
    one.happened("started", response("r1"));
    one.responseStarted(response("r2"));
    one.text(item("i2"), "Goodbye.", true);
    clock.advance(800);
    one.happened("stopped", response("r1"));
    expect(heard()).toMatchObject([{ itemId: "i1", heardMs: 800 }]);
    expect(one.isPending).toBe(true);
    one.happened("started", response("r2"));
    clock.advance(500);
    one.happened("stopped", response("r2"));
    expect(heard()).toMatchObject([{ itemId: "i1" }, { itemId: "i2", heardMs: 500 }]);
    expect(one.isPending).toBe(false);
  });

  it("is cut where the server cut it", () => {
    const { clock, one, heard } = playback();
    one.responseStarted(response("r1"));
    one.text(item("i1"), "A rather long sentence about an order.", true);
    one.happened("started", response("r1"));
    clock.advance(1_000);
    one.cut(item("i1"), 700);
    one.interrupted();
    expect(heard()).toMatchObject([{ itemId: "i1", heardMs: 700, interruptedAtMs: 1_000 }]);
    expect([one.isPlaying, one.isPending]).toEqual([false, false]);
  });

  it("was not heard where it is taken back before the server played it", () => {
    const { clock, began, one, heard } = playback();
    one.responseStarted(response("r1"));
    one.text(item("i1"), "Never played.", true);
    clock.advance(300);
    one.happened("cleared", response("r1"));
    expect(began).toEqual([]);
    expect(heard()).toMatchObject([{ itemId: "i1", heardMs: 0 }]);
  });

  it("is known by response: earlier words that still play are not those of a later one", () => {
    const { one } = playback();
    one.responseStarted(response("r1"));
    one.text(item("i1"), "Hello.", true);
    one.happened("started", response("r1"));
    one.responseStarted(response("r2"));
    expect([one.responseDone(end("r1")), one.responseDone(end("r2"))]).toEqual([true, false]);
    one.happened("stopped", response("r1"));
    expect(one.responseDone(end("r1"))).toBe(true);
  });

  it("takes about as long as its text, less what was heard", () => {
    const { clock, one } = playback();
    one.responseStarted(response("r1"));
    one.text(item("i1"), "x".repeat(30), true);
    expect(one.remainingMs(clock.nowMs())).toBe(2_000);
    one.happened("started", response("r1"));
    clock.advance(500);
    expect(one.remainingMs(clock.nowMs())).toBe(1_500);
  });
});

describe("a server that does not say that it stopped", () => {
  it("is heard for as long as its words take, and a while more", () => {
    const { clock, one } = playback();
    one.responseStarted(response("r1"));
    one.text(item("i1"), "x".repeat(30), true);
    one.text(item("i2"), "x".repeat(15), true);
    one.happened("started", response("r1"));
    clock.advance(3_000 + 2_499);
    expect(one.isAudible(clock.nowMs())).toBe(true);
    clock.advance(1);
    expect(one.isAudible(clock.nowMs())).toBe(false);
    expect(one.isPlaying).toBe(true);
  });

  it("is not heard before it plays, nor after it stopped", () => {
    const { clock, one } = playback();
    one.responseStarted(response("r1"));
    one.text(item("i1"), "Hello.", true);
    expect(one.isAudible(clock.nowMs())).toBe(false);
    one.happened("started", response("r1"));
    expect(one.isAudible(clock.nowMs())).toBe(true);
    one.happened("stopped", response("r1"));
    expect(one.isAudible(clock.nowMs())).toBe(false);
  });

  describe("of a server that never says what it plays", () => {
    it("begins when the response is whole, and ends with the next one", () => {
      const { clock, began, one, heard } = playback();
      one.responseStarted(response("r1"));
      one.text(item("i1"), "x".repeat(30), true);
      expect(one.responseDone(end("r1"))).toBe(true);
      expect(began).toEqual(["i1"]);
      expect(one.isAudible(clock.nowMs())).toBe(true);
      clock.advance(5_000);
      expect(one.isAudible(clock.nowMs())).toBe(false);
      one.responseStarted(response("r2"));
      one.text(item("i2"), "Goodbye.", true);
      one.responseDone(end("r2"));
      expect(began).toEqual(["i1", "i2"]);
      expect(heard()).toMatchObject([{ itemId: "i1", interruptedAtMs: null }]);
    });

    it("begins with sound that has no words", () => {
      const { began, one } = playback();
      one.responseStarted(response("r1"));
      one.sound(item("i1"));
      one.sound(item("i1"));
      expect(one.responseDone(end("r1"))).toBe(true);
      expect(began).toEqual(["i1"]);
    });

    it("is cut by the caller's speech", () => {
      const { clock, one, heard } = playback();
      one.responseStarted(response("r1"));
      one.text(item("i1"), "x".repeat(30), true);
      one.responseDone(end("r1"));
      clock.advance(500);
      one.callerSpoke();
      expect(heard()).toMatchObject([{ itemId: "i1", heardMs: 500, interruptedAtMs: 500 }]);
    });

    it("is heard to its end by a caller who speaks after its words", () => {
      const { clock, one, heard } = playback();
      one.responseStarted(response("r1"));
      one.text(item("i1"), "x".repeat(30), true);
      one.responseDone(end("r1"));
      clock.advance(2_500);
      one.callerSpoke();
      expect(heard()).toMatchObject([{ itemId: "i1", interruptedAtMs: null }]);
      expect([one.isPlaying, one.isPending]).toEqual([false, false]);
    });

    it("does not begin when it was cancelled", () => {
      const { began, one } = playback();
      one.responseStarted(response("r1"));
      one.text(item("i1"), "Hello.", true);
      one.responseDone(end("r1", "cancelled"));
      expect(began).toEqual([]);
    });
  });

  it("is not cut by the caller's speech where the server says what it plays", () => {
    const { one, heard } = playback();
    one.responseStarted(response("r1"));
    one.text(item("i1"), "Hello.", true);
    one.happened("started", response("r1"));
    one.callerSpoke();
    expect(heard()).toEqual([]);
  });
});
