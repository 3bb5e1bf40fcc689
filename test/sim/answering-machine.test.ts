import { describe, expect, it } from "vitest";
import { levelDbov } from "../../sim/audio/mulaw.js";
import { detectionOf, MachineVoice, machineTimes } from "../../sim/twilio/answering-machine.js";

describe("an answering machine", () => {
  /** The level of the frame that it sends so long after the answer. */
  const levelAt = (machine: { greetingMs: number; beep?: boolean }, ms: number) => {
    const frame = new Uint8Array(160);
    new MachineVoice(machine, () => ms).next(frame, 0);
    return levelDbov(frame);
  };

  it("speaks its greeting from the answer on, beeps, and is silent while it records", () => {
    const machine = { greetingMs: 400 };
    expect(levelAt(machine, 0)).toBeGreaterThan(-40);
    expect(levelAt(machine, 380)).toBeGreaterThan(-40);
    expect(levelAt(machine, 600)).toBeGreaterThan(-15);
    expect(levelAt(machine, 900)).toBe(-120);
    expect(machineTimes(machine)).toEqual({ greetingMs: 400, recordingMs: 900 });
  });

  it("may have no beep", () => {
    expect(levelAt({ greetingMs: 400, beep: false }, 420)).toBe(-120);
    expect(machineTimes({ greetingMs: 400, beep: false }).recordingMs).toBe(400);
  });
});

describe("the detection of answering machines finds", () => {
  it.each([
    ["a person", {}, "Enable", 300, "human"],
    ["a person, where it would wait for a beep", {}, "DetectMessageEnd", 300, "human"],
    ["a machine", { machine: {} }, "Enable", 300, "machine_start"],
    ["a slow result", { machine: {}, detectionMs: 3500 }, "Enable", 3500, "machine_start"],
    ["the beep", { machine: {} }, "DetectMessageEnd", 4600, "machine_end_beep"],
    [
      "the silence after a greeting",
      { machine: { greetingMs: 1000, beep: false } },
      "DetectMessageEnd",
      1100,
      "machine_end_silence",
    ],
    ["a fax", { answeredBy: "fax" as const }, "DetectMessageEnd", 300, "fax"],
  ])("%s", (_name, party, mode, afterMs, answeredBy) => {
    expect(detectionOf(party, mode)).toEqual({ afterMs, answeredBy });
  });
});
