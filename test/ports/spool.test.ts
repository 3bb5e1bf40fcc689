import { expect, it } from "vitest";
import { spoolBatch } from "../../src/ports/spool.js";
import { note, testSid } from "../fakes/record-events.js";

it("spoolBatch writes each entry as one line of JSON, with a line feed after the last", () => {
  const entries = [1, 2].map((seq) => ({
    seq,
    callSid: testSid(seq),
    event: note(seq, "two\nlines"),
  }));
  const batch = spoolBatch(entries);
  expect(batch.entries).toBe(entries);
  expect(
    batch
      .lines()
      .split("\n")
      .map((line) => (line === "" ? null : JSON.parse(line))),
  ).toEqual([...entries, null]);
});
