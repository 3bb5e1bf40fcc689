import { describe, expect, it } from "vitest";
import { AnsweringMachine } from "../../../src/relay/call/answering-machine.js";

describe("who answers an outbound call", () => {
  it.each([
    ["human", "none"],
    ["unknown", "none"],
    ["fax", "hang_up"],
    ["machine_start", "listen"],
    ["machine_end_beep", "leave_message"],
    ["machine_end_silence", "leave_message"],
  ] as const)("%s: %s", (by, action) => {
    expect(new AnsweringMachine().answeredBy(by, 0)).toBe(action);
  });

  it("is told once, however often the callback comes", () => {
    const one = new AnsweringMachine();
    one.answeredBy("human", 0);
    expect(one.answeredBy("human", 10)).toBeNull();
    expect(one.answeredBy("machine_start", 20)).toBeNull();
  });
});

describe("a machine's greeting", () => {
  it("is over at the beep", () => {
    const one = new AnsweringMachine();
    one.answeredBy("machine_start", 0);
    one.speech("started", 100);
    expect(one.isSpokenTo).toBe(true);
    expect(one.answeredBy("machine_end_beep", 6_000)).toBe("leave_message");
    expect(one.isSpokenTo).toBe(false);
    expect(one.greetingOver(60_000)).toBe(false);
  });

  it("is over after 2.5 s of silence, where no beep is told", () => {
    const one = new AnsweringMachine();
    one.answeredBy("machine_start", 0);
    one.speech("started", 500);
    expect(one.greetingOver(9_000)).toBe(false);
    one.speech("stopped", 9_000);
    expect(one.greetingOver(11_499)).toBe(false);
    expect(one.greetingOver(11_500)).toBe(true);
    expect(one.greetingOver(11_600)).toBe(false);
  });

  it("is waited for half a minute at most", () => {
    const one = new AnsweringMachine();
    one.answeredBy("machine_start", 0);
    one.speech("started", 500);
    expect(one.greetingOver(29_999)).toBe(false);
    expect(one.greetingOver(30_000)).toBe(true);
  });
});
