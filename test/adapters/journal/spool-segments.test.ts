import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SegmentFiles } from "../../../src/adapters/journal/spool-segments.js";
import type { CallSid } from "../../../src/domain/ids.js";
import { type SpoolBatch, spoolBatch } from "../../../src/ports/spool.js";

const batch = (...seqs: number[]): SpoolBatch =>
  spoolBatch(seqs.map((seq) => ({ seq, callSid: "CA1" as CallSid, event: { type: "moved" } })));
const large = (seq: number): SpoolBatch => {
  const { entries, lines } = batch(seq);
  return { entries, lines: () => `${" ".repeat(1_500_000)}${lines()}` };
};

describe("SegmentFiles", () => {
  let directory: string;
  let segments: SegmentFiles;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "murelay-segments-"));
    segments = new SegmentFiles(directory, 100_000_000);
  });
  afterEach(async () => {
    await segments.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const seqs = async (fromSeq: number) => {
    const all: number[] = [];
    for await (const entries of segments.read(fromSeq)) all.push(...entries.map(({ seq }) => seq));
    return all;
  };

  it("writes batches in one append, and reads them from any entry on", async () => {
    expect(segments.isEmpty).toBe(true);
    await segments.append([batch(1, 2), batch(3)]);
    await segments.append([batch(4)]);
    expect(segments.isEmpty).toBe(false);
    expect(await seqs(1)).toEqual([1, 2, 3, 4]);
    expect(await seqs(3)).toEqual([3, 4]);
    expect(segments.bytes).toBe(batch(1, 2, 3, 4).lines().length);
    expect(readdirSync(directory)).toEqual(["000001.jsonl"]);
  });

  it("does nothing for no batch", async () => {
    await segments.append([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("deletes only segments whose entries are all discarded, the newest included", async () => {
    for (let seq = 1; seq <= 4; seq++) await segments.append([large(seq)]);
    expect(readdirSync(directory)).toEqual(["000001.jsonl", "000002.jsonl"]);
    await segments.discardBelow(2);
    expect(await seqs(1)).toEqual([1, 2, 3, 4]);
    await segments.discardBelow(3);
    expect(readdirSync(directory)).toEqual(["000002.jsonl"]);
    await segments.discardBelow(5);
    expect(readdirSync(directory)).toEqual([]);
    expect(segments.isEmpty).toBe(true);
    await segments.append([batch(5)]);
    expect(readdirSync(directory)).toEqual(["000003.jsonl"]);
  });

  it("rejects what would exceed its limit, and keeps what it has", async () => {
    segments = new SegmentFiles(directory, 100);
    await segments.append([batch(1)]);
    await expect(segments.append([batch(2, 3)])).rejects.toThrow("its limit");
    expect(await seqs(1)).toEqual([1]);
  });
});
