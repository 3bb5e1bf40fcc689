import { describe, expect, it } from "vitest";
import {
  isFinalStatus,
  isFinalStatusText,
  readCallStatus,
  wasNotAnswered,
} from "../../src/domain/call-status.js";
import { readCallSid } from "../../src/domain/ids.js";

describe("a call's status", () => {
  it.each([
    ["queued", false, false],
    ["initiated", false, false],
    ["ringing", false, false],
    ["in-progress", false, false],
    ["completed", true, false],
    ["busy", true, true],
    ["failed", true, true],
    ["no-answer", true, true],
    ["canceled", true, true],
  ] as const)("%s: final %s, not answered %s", (status, final, unanswered) => {
    expect(readCallStatus(status)).toBe(status);
    expect(isFinalStatus(status)).toBe(final);
    expect(isFinalStatusText(status)).toBe(final);
    expect(wasNotAnswered(status)).toBe(unanswered);
  });

  it.each(["", "Completed", "exploded", undefined])("is not known, and not final: %j", (text) => {
    expect(readCallStatus(text)).toBeNull();
    expect(isFinalStatusText(text)).toBe(false);
  });
});

describe("a CallSid", () => {
  const hex = "0123456789abcdefABCDEF0123456789";
  it.each([
    [`CA${hex}`, true],
    // Simulators, and other senders of Twilio's protocols.
    [`CA${hex}0`, true],
    ["CA-test_1", true],
    ["CA", false],
    [`CA${"1".repeat(63)}`, false],
    [`MZ${hex}`, false],
    ["CA/../x", false],
    ["CA1.2", false],
    [`CA${hex}\n`, false],
    ["", false],
    [undefined, false],
  ])("%j: %s", (text, good) => {
    expect(readCallSid(text)).toBe(good ? text : null);
  });
});
