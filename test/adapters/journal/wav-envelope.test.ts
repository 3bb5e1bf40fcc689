import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { wavEnvelope } from "../../../src/adapters/journal/wav-envelope.js";
import { WireError } from "../../../src/domain/errors.js";
import { makeWav } from "../../fakes/make-wav.js";

const directory = mkdtempSync(join(tmpdir(), "murelay-envelope-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const path = join(directory, "a.wav");

it("is the loudest sample of each 50 ms, on the call's clock", async () => {
  const loud = (channel: number, frame: number) =>
    channel === 0 && frame === 410 ? -32_768 : channel === 1 && frame === 0 ? 16_384 : 0;
  writeFileSync(path, makeWav(2, 900, loud));
  expect(await wavEnvelope(path, 100)).toEqual({
    stepMs: 50,
    caller: [0, 0, 0, 100, 0],
    agent: [0, 0, 50, 0, 0],
  });
});

it("has one channel where the recording has one, and is of WAV files only", async () => {
  writeFileSync(
    path,
    makeWav(1, 400, () => 3_277),
  );
  expect(await wavEnvelope(path, 0)).toEqual({ stepMs: 50, caller: [10], agent: [] });
  writeFileSync(path, "no");
  await expect(wavEnvelope(path, 0)).rejects.toThrow(WireError);
});
