import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  ENTRIES_PER_READ,
  parseEntry,
  readEntries,
} from "../../../src/adapters/journal/spool-lines.js";

const directory = mkdtempSync(join(tmpdir(), "murelay-lines-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const line = (seq: number) =>
  `${JSON.stringify({ seq, callSid: "CA1", event: { type: "moved" } })}\n`;

describe("parseEntry", () => {
  it("reads a line", () => {
    expect(parseEntry(line(7))).toEqual([{ seq: 7, callSid: "CA1", event: { type: "moved" } }]);
  });

  it.each(["", "{", "\0\0\0\0", "{}", '{"seq":"1","callSid":"CA1"}', '{"seq":1}'])(
    "leaves a damaged line out: %j",
    (text) => expect(parseEntry(text)).toEqual([]),
  );
});

describe("readEntries", () => {
  it("reads in slices, and leaves a torn last line and damaged lines out", async () => {
    const path = join(directory, "1.jsonl");
    const whole = Array.from({ length: ENTRIES_PER_READ + 1 }, (_, i) => line(i + 1)).join("");
    writeFileSync(path, `\0\0\0\n${whole}{"seq":999,"callSid":"CA1","eve`);
    const slices: number[][] = [];
    for await (const entries of readEntries(path)) slices.push(entries.map(({ seq }) => seq));
    expect(slices.map(({ length }) => length)).toEqual([ENTRIES_PER_READ - 1, 2]);
    expect(slices.flat()).toEqual(Array.from({ length: ENTRIES_PER_READ + 1 }, (_, i) => i + 1));
  });
});
