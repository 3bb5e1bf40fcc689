import { spawnSync } from "node:child_process";

function installed(program: string): boolean {
  return spawnSync(program, ["-version"], { stdio: "ignore" }).error === undefined;
}

/** Whether the real programs are here; the fixtures speak for sox where it is not. */
export const haveSox = installed("sox");
export const haveFfmpeg = installed("ffmpeg");

export const SOX_ULAW = ["-t", "raw", "-r", "8000", "-e", "mu-law", "-b", "8", "-c", "1"];
export const SOX_LINEAR = ["-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1"];
export const FFMPEG_ULAW = ["-f", "mulaw", "-ar", "8000", "-ac", "1"];
export const FFMPEG_LINEAR = ["-f", "s16le", "-ar", "8000", "-ac", "1"];

/** Feeds `input` through the program; throws what it says when it fails. */
export function run(program: string, args: readonly string[], input: Uint8Array) {
  const { status, stdout, stderr } = spawnSync(program, args, { input, timeout: 20_000 });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr.toString()}`);
  return { stdout: new Uint8Array(stdout), stderr: stderr.toString() };
}

/** All 16-bit samples, -32768 first, as little-endian bytes and as numbers. */
export function allSamples(): Int16Array {
  return Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);
}

export function littleEndian(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < samples.length; i++) view.setInt16(2 * i, samples[i]!, true);
  return bytes;
}

export function samplesOf(bytes: Uint8Array): Int16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int16Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true));
}
