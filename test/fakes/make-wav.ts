/** A 16-bit PCM WAV header at 8 kHz for `frames` samples of each channel. */
export function wavHeader(channels: number, frames: number): Buffer {
  const header = Buffer.alloc(44);
  const bytes = frames * channels * 2;
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(8_000, 24);
  header.writeUInt32LE(16_000 * channels, 28);
  header.writeUInt16LE(2 * channels, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(bytes, 40);
  return header;
}

/** A WAV file whose samples are `sample(channel, frame)`. */
export function makeWav(
  channels: number,
  frames: number,
  sample: (channel: number, frame: number) => number,
): Buffer {
  const data = Buffer.alloc(frames * channels * 2);
  for (let frame = 0; frame < frames; frame++) {
    for (let channel = 0; channel < channels; channel++) {
      data.writeInt16LE(sample(channel, frame), (frame * channels + channel) * 2);
    }
  }
  return Buffer.concat([wavHeader(channels, frames), data]);
}
