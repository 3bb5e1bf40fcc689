import { describe, expect, it } from "vitest";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type { StoredCall } from "../../src/ports/store.js";
import { LiveCall, PROCESS_LOST } from "../../src/records/live-call.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";
import { ended, note, opened, testSid } from "../fakes/record-events.js";

const SID = testSid(1);

/** A call of writer "w" that has received events, numbered from 1. */
function callWith(...events: RecordEvent[]): LiveCall {
  const call = new LiveCall(SID, "w", events[0]!);
  for (const [i, event] of events.entries()) call.add({ seq: i + 1, callSid: SID, event });
  return call;
}

const stored = (owner: string, applied: StoredCall["applied"], ...events: RecordEvent[]) => ({
  record: applyEvents(emptyRecord(SID), events),
  version: 3,
  applied,
  owner,
});
const save = (call: LiveCall) => call.save((record) => record);
const names = (call: LiveCall) => call.record?.events.map(({ name }) => name);

describe("LiveCall", () => {
  it("needs no lookup when this process saw the call begin", () => {
    const call = callWith(opened(), note(1));
    expect(call.needsLookup).toBe(false);
    expect(save(call)).toMatchObject({ basedOn: 0, applied: { w: 2 }, owner: "w" });
  });

  it("has no record until a call that began elsewhere was looked up", () => {
    const call = callWith(note(5));
    expect([call.needsLookup, call.record]).toEqual([true, null]);
    call.rebase(stored("other", { other: 9 }, opened()));
    expect(names(call)).toEqual(["n"]);
    expect(save(call)).toMatchObject({
      basedOn: 3,
      applied: { other: 9, w: 1 },
      owner: "other",
    });
  });

  it("drops saved events, and keeps those that came meanwhile", () => {
    const call = callWith(opened(), note(1));
    const saved = save(call);
    call.add({ seq: 3, callSid: SID, event: note(2) });
    call.saved(saved);
    expect(call.pending.map(({ seq }) => seq)).toEqual([3]);
    expect(save(call)).toMatchObject({ basedOn: 1, applied: { w: 3 } });
  });

  it("applies only what the database lacks when it is rebased", () => {
    const call = callWith(opened(), note(1, "a"), note(2, "b"));
    // The answer to a commit was lost: the database has the first two events.
    call.rebase(stored("w", { w: 2 }, opened(), note(1, "a")));
    expect(names(call)).toEqual(["a", "b"]);
    expect(call.pending.map(({ seq }) => seq)).toEqual([3]);
  });

  it.each<[string, RecordEvent[], boolean]>([
    ["a live call", [opened()], false],
    ["an ended call", [opened(), ended(9)], true],
    ["a call that moved to another process", [opened(), { type: "moved" }], true],
    ["a call that came back", [opened(), { type: "moved" }, opened()], false],
  ])("is done once everything is stored: %s", (_, events, isDone) => {
    const call = callWith(...events);
    expect(call.isDone).toBe(false);
    call.saved(save(call));
    expect(call.isDone).toBe(isDone);
  });

  it("keeps what this process knows where the stored record cannot be read", () => {
    const call = callWith(opened(), note(1, "a"));
    call.saved(save(call));
    call.add({ seq: 3, callSid: SID, event: note(2, "b") });
    call.rebase({ ...stored("w", {}), unreadable: "{broken" });
    expect(names(call)).toEqual(["a", "b"]);
    expect(save(call)).toMatchObject({ basedOn: 3, applied: { w: 3 } });
  });

  it.each<[string, RecordEvent[], boolean]>([
    ["a live call", [opened(), note(1)], true],
    ["an ended call", [opened(), ended(9)], true],
    ["a call that moved to another process", [opened(), { type: "moved" }], false],
    ["a call that came back", [opened(), { type: "moved" }, opened()], true],
    ["a call that another process saw begin", [note(1)], false],
  ])("is known best here: %s", (_, events, knowsMost) => {
    const call = callWith(...events);
    if (call.needsLookup) call.rebase(stored("other", {}, opened()));
    expect(call.knowsMost).toBe(knowsMost);
  });

  it("belongs to the process that saw it begin and did not pass it on", () => {
    const kept = callWith(opened());
    kept.rebase(stored("other", {}, opened()));
    expect(save(kept).owner).toBe("w");
    const passedOn = callWith(opened(), { type: "moved" });
    passedOn.rebase(stored("other", {}, opened()));
    expect(save(passedOn).owner).toBe("other");
  });

  it("is stored as a whole again when the database has lost it", () => {
    const call = callWith(opened(), note(1, "a"));
    call.saved(save(call));
    call.add({ seq: 3, callSid: SID, event: note(2, "b") });
    call.rebase(null);
    expect(save(call)).toMatchObject({ basedOn: 0, applied: { w: 3 }, owner: "w" });
    expect(call.record).toMatchObject({ agent: "support", events: [{ name: "a" }, { name: "b" }] });
  });

  it("takes back an end that recovery gave it although this process is alive", () => {
    const lost = ended(5, { outcome: "failed", reason: PROCESS_LOST });
    const call = callWith(opened(), note(1));
    call.rebase(stored("w", { w: 1 }, opened(), lost));
    expect(call.record).toMatchObject({ state: "live", endedAt: null, outcome: null });
    const over = callWith(opened(), ended(9));
    over.rebase(stored("w", { w: 1 }, opened(), lost));
    expect(over.record).toMatchObject({ state: "ended", outcome: "completed" });
  });
});
