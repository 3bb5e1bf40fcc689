// Runs on the audio thread, at 8 kHz: plays the mu-law audio of a live call, the caller on the left
// and the agent on the right.
import { JitterQueue } from "./jitter-queue.js";
import { ULAW_TO_LINEAR } from "./ulaw.js";

const CALLER = 0;
const SAMPLES_PER_MS = 8;
/** What the relay adds to its lead over a network with jitter. */
const MOST_JITTER_MS = 60;

class Listener extends AudioWorkletProcessor {
  #queues = [new JitterQueue(), new JitterQueue()];

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data === "clear") this.#queues[1]?.clear();
      else if ("leadMs" in data)
        this.#queues[1]?.ahead((data.leadMs + MOST_JITTER_MS) * SAMPLES_PER_MS);
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
