// Runs on the audio thread, at 8 kHz: plays the mu-law audio of a live call, the caller on the left
// and the agent on the right.
import { JitterQueue } from "./jitter-queue.js";
import { ULAW_TO_LINEAR } from "./ulaw.js";

const CALLER = 0;
/** The default of PLAYOUT_LEAD_MS, 160 ms: the relay is as much ahead of the phone. */
const LEAD_SAMPLES = 1_280;

class Listener extends AudioWorkletProcessor {
  #queues = [new JitterQueue(), new JitterQueue(LEAD_SAMPLES)];

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data === "clear") this.#queues[1]?.clear();
      else this.#take(data.direction, new Uint8Array(data.ulaw));
    };
  }

  /** @param {number} direction 0: the caller; else what the caller hears. @param {Uint8Array} ulaw */
  #take(direction, ulaw) {
    const samples = Int16Array.from(ulaw, (byte) => ULAW_TO_LINEAR[byte] ?? 0);
    this.#queues[direction === CALLER ? 0 : 1]?.push(samples);
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, outputs) {
    const [left, right] = outputs[0] ?? [];
    if (left !== undefined) this.#queues[0]?.take(left);
    if (right !== undefined) this.#queues[1]?.take(right);
    return true;
  }
}

registerProcessor("listener", Listener);
