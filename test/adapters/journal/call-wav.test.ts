import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { CallWav } from "../../../src/adapters/journal/call-wav.js";
import { WavFile } from "../../../src/adapters/journal/wav-file.js";

const directory = mkdtempSync(join(tmpdir(), "murelay-call-wav-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The bytes of both channels. */
async function channels(wav: CallWav): Promise<[Buffer, Buffer]> {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < wav.sizeBytes; at += 100_000) parts.push(await wav.read(at, 100_000));
  const path = join(directory, "read.wav");
  writeFileSync(path, Buffer.concat(parts));
  const file = await WavFile.open(path);
  expect([file.channels, file.sampleRate, file.bytesPerSample]).toEqual([2, 8_000, 1]);
  const of = async (channel: number) => {
    const all: Buffer[] = [];
    for await (const part of file.mono(channel, 0, file.frames)) all.push(Buffer.from(part));
    return Buffer.concat(all).subarray(44);
  };
  const both: [Buffer, Buffer] = [await of(0), await of(1)];
  await file.close();
  rmSync(path);
  return both;
}

it("holds what was put in any order, with silence elsewhere, and has no name on the disk", async () => {
  const wav = await CallWav.create(directory);
  expect(readdirSync(directory)).toEqual([]);
  const far = 3_000_000;
  wav.put("agent", far, Uint8Array.of(7, 8));
  await wav.write();
  wav.put("caller", 2, Uint8Array.of(1, 2, 3));
  wav.put("agent", -1, Uint8Array.of(4, 5, 6));
  await wav.write();
  wav.silence("caller", 3, 4);
  // Two pages are changed by one piece.
  wav.put("caller", 32_767, Uint8Array.of(9, 10));
  // More pages than are kept in memory, and back to the first.
  for (let page = 2; page < 20; page++) wav.put("caller", page * 32_768, Uint8Array.of(page));
  wav.put("caller", 0, Uint8Array.of(11));
  await wav.finish();
  const [caller, agent] = await channels(wav);
  expect([...caller.subarray(0, 6)]).toEqual([11, 255, 1, 255, 3, 255]);
  expect([caller[32_767], caller[32_768], caller[19 * 32_768]]).toEqual([9, 10, 19]);
  expect([...agent.subarray(0, 3)]).toEqual([5, 6, 255]);
  expect([...agent.subarray(far - 1)]).toEqual([255, 7, 8]);
  expect(caller).toHaveLength(far + 2);
  expect(wav.durationMs).toBe((far + 2) / 8);
  expect(await wav.read(wav.sizeBytes, 10)).toHaveLength(0);
  await wav.close();
});
