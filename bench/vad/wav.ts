/** Reads RIFF/WAVE files as mono at 8 kHz. */

const PCM = 1;
const MULAW = 7;
const RATE_HZ = 8000;
/** Share of the band that stays when a rate is brought down. */
const PASS = 0.95;

/**
 * @returns samples, full scale ±1, at 8 kHz; channels are averaged, higher rates that are a
 *          multiple of 8 kHz brought down.
 * @throws Error saying what it cannot read.
 */
export function readWav(file: Buffer): Float32Array {
  if (file.toString("latin1", 0, 4) !== "RIFF" || file.toString("latin1", 8, 12) !== "WAVE")
    throw new Error("not a WAV file");
  let format: { encoding: number; channels: number; rateHz: number; bits: number } | null = null;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString("latin1", at, at + 4);
    const bytes = file.readUInt32LE(at + 4);
    const body = file.subarray(at + 8, at + 8 + bytes);
    if (id === "fmt ") {
      format = {
        encoding: body.readUInt16LE(0),
        channels: body.readUInt16LE(2),
        rateHz: body.readUInt32LE(4),
        bits: body.readUInt16LE(14),
      };
    } else if (id === "data") {
      if (format === null) throw new Error("WAV data before its format");
      return decimate(mono(body, format), format.rateHz);
    }
    at += 8 + bytes + (bytes & 1);
  }
  throw new Error("WAV without data");
}

function mono(
  body: Buffer,
  { encoding, channels, bits }: { encoding: number; channels: number; bits: number },
): Float32Array {
  const pcm = encoding === PCM && bits === 16;
  if (!pcm && !(encoding === MULAW && bits === 8))
    throw new Error(`WAV of encoding ${encoding} with ${bits} bits: needs 16-bit PCM or mu-law`);
  const width = channels * (bits >> 3);
  const out = new Float32Array(Math.floor(body.length / width));
  for (let n = 0; n < out.length; n++) {
    let sum = 0;
    for (let c = 0; c < channels; c++)
      sum += pcm ? body.readInt16LE(n * width + c * 2) : mulaw(body[n * width + c]!);
    out[n] = sum / channels / 32768;
  }
  return out;
}

function mulaw(byte: number): number {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
  return code & 0x80 ? -magnitude : magnitude;
}

/** Low-pass by a windowed sinc, then every n-th sample. */
function decimate(samples: Float32Array, rateHz: number): Float32Array {
  const factor = rateHz / RATE_HZ;
  if (!Number.isInteger(factor) || factor < 1)
    throw new Error(`WAV of ${rateHz} Hz: needs a multiple of 8000`);
  if (factor === 1) return samples;
  const reach = 16 * factor;
  const taps = Float32Array.from({ length: 2 * reach + 1 }, (_, i) => {
    const x = (i - reach) / factor;
    const sinc = x === 0 ? PASS : Math.sin(PASS * Math.PI * x) / (Math.PI * x);
    return (sinc * (0.5 + 0.5 * Math.cos((Math.PI * (i - reach)) / (reach + 1)))) / factor;
  });
  return Float32Array.from({ length: Math.floor(samples.length / factor) }, (_, n) => {
    let sum = 0;
    for (let i = -reach; i <= reach; i++) sum += (samples[n * factor + i] ?? 0) * taps[i + reach]!;
    return sum;
  });
}
