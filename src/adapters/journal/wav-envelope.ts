import { setImmediate } from "node:timers/promises";
import type { Envelope } from "../../recorder/timeline.js";
import { WavFile } from "./wav-file.js";

const STEP_MS = 50;
const FULL_SCALE = 32_768;
/** A tenth of a millisecond of work each; between two of these the calls of this process go on. */
const STEPS_PER_TURN = 20;

/**
 * How loud a recording is over its time. The first channel is the caller's; of a recording with one
 * channel it is both.
 *
 * @param startMs  where the recording begins on the call's clock.
 * @throws WireError when it is not a WAV file.
 */
export async function wavEnvelope(path: string, startMs: number): Promise<Envelope> {
  const wav = await WavFile.open(path);
  try {
    const before = Array.from({ length: Math.max(0, Math.round(startMs / STEP_MS)) }, () => 0);
    const caller = [...before];
    const agent = wav.channels > 1 ? [...before] : [];
    let steps = 0;
    for await (const levels of wav.peaks(Math.round((wav.sampleRate * STEP_MS) / 1_000))) {
      const percent = levels.map((level) => Math.round((level * 100) / FULL_SCALE));
      caller.push(percent[0] ?? 0);
      if (wav.channels > 1) agent.push(percent[1] ?? 0);
      if (++steps % STEPS_PER_TURN === 0) await setImmediate();
    }
    return { stepMs: STEP_MS, caller, agent };
  } finally {
    await wav.close();
  }
}
