/**
 * Recordings of earlier versions replay with this one: what they call otherwise is read by its
 * present name.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { renamed } from "../../src/recorder/old-names.js";
import { replayed } from "../fakes/replayed.js";

function recording(name: string): string[] {
  const file = fileURLToPath(new URL(`../fixtures/recordings/${name}`, import.meta.url));
  return gunzipSync(readFileSync(file)).toString("utf8").trimEnd().split("\n");
}

describe("a recording of version 0.1.0", () => {
  it("replays the same: a question, a tool, an interruption, a transfer", {
    timeout: 30_000,
  }, async () => {
    const lines = recording("demo-call-0.1.0.flight.jsonl.gz");
    expect(lines.some((line) => line.includes('"in":"desk","order":"transfer_ended"'))).toBe(true);
    const { differences, unused, log } = await replayed(lines);
    expect([differences, unused, log]).toEqual([[], [], []]);
  });
});

describe("names of version 0.1.0", () => {
  const request = { destination: "desk", by: "supervisor" };
  it.each([
    [
      { in: "desk", order: "prewarm" },
      { in: "command", type: "prewarm" },
    ],
    [
      { in: "desk", order: "recognise" },
      { in: "command", type: "look_up_caller" },
    ],
    [
      { in: "desk", order: "brief", context: { order: "7" } },
      { in: "command", type: "give_context", context: { order: "7" } },
    ],
    [
      { in: "desk", order: "owe", fact: "it failed" },
      { in: "command", type: "tell_model", fact: "it failed" },
    ],
    [
      { in: "desk", order: "inherit", heritage: { returning: true, owesAnswer: true } },
      {
        in: "command",
        type: "resume_from",
        handoff: { returning: true, replyPending: true },
      },
    ],
    [
      { in: "desk", order: "leave", departure: { kind: "transfer", farewell: "none", request } },
      { in: "command", type: "transfer", farewell: "none", request },
    ],
    [
      { in: "desk", order: "leave", departure: { kind: "end", farewell: "none", reason: "x" } },
      { in: "command", type: "end", farewell: "none", reason: "x" },
    ],
    [
      { in: "desk", order: "transfer_ended", next: "connected" },
      { in: "command", type: "transfer_ended", next: "connected" },
    ],
    [
      { in: "clock", event: "beat" },
      { in: "clock", event: "tick" },
    ],
    [
      { in: "tools", event: "done", batch: { runs: [], departure: null } },
      { in: "tools", event: "done", batch: { runs: [], disposition: null } },
    ],
    [
      { out: "desk", event: "hand_over", request },
      { out: "host", event: "hand_over", request },
    ],
    [
      { in: "command", type: "end" },
      { in: "command", type: "end" },
    ],
  ])("%j", (old, now) => {
    expect(renamed({ at: 7, ...old })).toEqual({ at: 7, ...now });
  });
});
