import { describe, expect, it } from "vitest";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { LiveEvents } from "../../src/records/live-events.js";
import { callerText, testSid } from "../fakes/record-events.js";

const SID = testSid(1);

describe("LiveEvents", () => {
  it("passes events on unchanged, and gives listeners the redacted ones", () => {
    const written: RecordEvent[] = [];
    const heard: unknown[] = [];
    const events = new LiveEvents({ write: (_, event) => void written.push(event) }, (text) =>
      text.replace("secret", "[redacted]"),
    );
    const stop = events.listen((callSid, event) => heard.push([callSid, event]));
    events.write(SID, callerText("a", "my secret"));
    expect(written).toEqual([callerText("a", "my secret")]);
    expect(heard).toEqual([[SID, callerText("a", "my [redacted]")]]);
    stop();
    events.write(SID, { type: "moved" });
    expect([written.length, heard.length]).toEqual([2, 1]);
  });

  it("does not redact while there is no listener", () => {
    let redactions = 0;
    const events = new LiveEvents({ write: () => {} }, (text) => {
      redactions++;
      return text;
    });
    events.write(SID, callerText("a", "words"));
    expect(redactions).toBe(0);
  });

  it("reaches every listener", () => {
    const heard: string[] = [];
    const events = new LiveEvents({ write: () => {} }, (text) => text);
    events.listen(() => heard.push("one"));
    events.listen(() => heard.push("two"));
    events.write(SID, { type: "moved" });
    expect(heard).toEqual(["one", "two"]);
  });
});
