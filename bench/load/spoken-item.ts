import { FRAME_BYTES } from "./stamped-audio.js";

/** One item of the model's speech, as the model sent it and as the phone plays it. */
export class SpokenItem {
  readonly id: string;
  /** Number of its first frame in its session. */
  readonly firstSeq: number;
  /** All its audio; shorter when it was interrupted. */
  bytes: number;
  sentBytes = 0;
  /** As it was a tick ago: only what has been with the relay for so long can be missed. */
  sentBytesBefore = 0;
  complete = false;
  interrupted = false;
  deleted = false;
  firstDeltaMs = -1;
  /** Nothing was queued anywhere when its first delta left. */
  intoSilence = false;
  receivedBytes = 0;
  /** When its last received byte will have been played. */
  endPlayMs = 0;

  constructor(id: string, firstSeq: number, bytes: number) {
    this.id = id;
    this.firstSeq = firstSeq;
    this.bytes = bytes;
  }

  /** One above its last frame. */
  get endSeq(): number {
    return this.firstSeq + Math.ceil(this.bytes / FRAME_BYTES);
  }

  /** Length of frame `seq` of it. */
  frameBytes(seq: number): number {
    return Math.min(FRAME_BYTES, this.bytes - (seq - this.firstSeq) * FRAME_BYTES);
  }

  heardMs(nowMs: number): number {
    const unplayed = Math.max(0, (this.endPlayMs - nowMs) * 8);
    return Math.max(0, this.receivedBytes - unplayed) / 8;
  }
}
