import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseEntry, readEntries } from "../../../src/adapters/journal/spool-lines.js";

const directory = mkdtempSync(join(tmpdir(), "murelay-lines-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const line = (seq: number) =>
  `${JSON.stringify({ seq, callSid: "CA1", event: { type: "moved" } })}\n`;

describe("parseEntry", () => {
  it("reads a line", () => {
    expect(parseEntry(line(7))).toEqual([{ seq: 7, callSid: "CA1", event: { type: "moved" } }]);
  });

  it.each([
    ...["", "{", "\0\0\0\0", "null", "7", "{}", '{"seq":"1","callSid":"CA1"}', '{"seq":1}'],
    ...['{"seq":1,"callSid":"CA1"}', '{"seq":1,"callSid":"CA1","event":null}'],
    '{"seq":1,"callSid":"CA1","event":{}}',
  ])("leaves a damaged line out: %j", (text) => expect(parseEntry(text)).toEqual([]));
});

describe("readEntries", () => {
  const write = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  const slicesOf = async (path: string) => {
    const slices: number[][] = [];
    for await (const entries of readEntries(path)) slices.push(entries.map(({ seq }) => seq));
    return slices;
  };
  const count = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

  it("leaves a torn last line and damaged lines out", async () => {
    const lines = `\0\0\0\n${line(1)}\n${line(2)}{"seq":3,"callSid":"CA1","eve`;
    expect(await slicesOf(write("torn", lines))).toEqual([[1, 2]]);
    expect(await slicesOf(write("empty", ""))).toEqual([]);
  });

  it("reads in slices, and joins lines and characters that a slice divides", async () => {
    const long = (seq: number) => line(seq).replace("CA1", `CA${"ä".repeat(seq % 50)}`);
    const slices = await slicesOf(write("long", count(3_000).map(long).join("")));
    expect(slices.length).toBeGreaterThan(3);
    expect(slices.flat()).toEqual(count(3_000));
  });

  it("reads a line that is longer than a slice", async () => {
    const huge = line(1).replace("CA1", `CA${"x".repeat(200_000)}`);
    expect((await slicesOf(write("huge", huge + line(2)))).flat()).toEqual([1, 2]);
  });

  it("lets other work run between two slices", async () => {
    const path = write("many", count(3_000).map(line).join(""));
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const slices = await slicesOf(path);
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(slices.length - 1);
  });
});
