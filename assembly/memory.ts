/**
 * Where everything is in the module's memory, in bytes. `src/codec/audio-core.ts` reads these
 * numbers from the module. Nothing is allocated at run time.
 */

/** 256 f64: the sample of each mu-law byte. Written by the host. */
export const LINEAR: usize = 4096;
/** 1024 f64: log2(1 + (i + 0.5) / 1024). Written by the host. */
export const MANTISSA: usize = 8192;
/** 26 rows of 16 f64: the weights of a cue for each hidden unit. Written by the host. */
export const WEIGHTS: usize = 16384;
/** 16 f64: biases of the hidden units. Written by the host. */
export const BIAS: usize = 19712;
/** 16 f64 and a bias: weights of the output. Written by the host. */
export const OUTPUT: usize = 19840;
/** 26 f64: the cues of the last frame. */
export const CUES: usize = 19984;
/** 16 f64: sums of the hidden units. */
export const SUMS: usize = 20192;
/** 6 f64: powers of the last frame. */
export const POWERS: usize = 20320;
/** 40 f64: the signal below 1 kHz. */
export const LOW: usize = 20368;
/** 49 f64: what a call keeps from frame to frame; copied in and out by the host. */
export const STATE: usize = 20688;
/** 5 f64: levels of an envelope. */
export const LEVELS: usize = 21088;
/** 5 f64: what `scanMedia` found: sequence number, timestamp, where the payload begins and ends. */
export const FOUND: usize = 21128;
/** 1 KiB of mu-law that is not in this memory yet. */
export const AUDIO: usize = 21504;
/** 4 KiB: the layout of media messages, copied in by the host. */
export const LAYOUT: usize = 22528;
/** 64 KiB of text, and the 48 KiB that its base64 decodes to. */
export const TEXT: usize = 32768;
export const BYTES: usize = 98304;
/** 48 KiB: the audio of the caller's present message. */
export const MESSAGE_AUDIO: usize = 147456;
/** 8 KiB: audio that leaves for the phone. */
export const PLAYOUT: usize = 196608;
/** 4 KiB: audio on its way from one place to another. */
export const COPY: usize = 204800;
/** 12 times 5 bytes: levels of 10 ms steps by band, in half decibels. */
export const STEP_LEVELS: usize = 208896;
