/** The WebRTC VAD (libfvad, compiled to WebAssembly by the Echogarden project), for comparison. */
import { FRAME_BYTES } from "../../src/codec/frame.js";

/** What we use of the Emscripten module: it comes without types. */
interface FvadModule {
  readonly HEAP16: Int16Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _fvad_new(): number;
  _fvad_free(handle: number): void;
  _fvad_reset(handle: number): void;
  _fvad_set_mode(handle: number, mode: number): number;
  _fvad_set_sample_rate(handle: number, hz: number): number;
  _fvad_process(handle: number, pcm: number, samples: number): number;
}

export const FVAD_MODES = [0, 1, 2, 3] as const;
export type FvadMode = (typeof FVAD_MODES)[number];

export class Fvad {
  readonly #module: FvadModule;
  readonly #handle: number;
  readonly #pcm: number;
  readonly #mode: FvadMode;
  /** Where frames go in: 160 samples of 16 bits. */
  readonly input: Int16Array;

  private constructor(module: FvadModule, mode: FvadMode) {
    this.#module = module;
    this.#mode = mode;
    this.#handle = module._fvad_new();
    this.#pcm = module._malloc(FRAME_BYTES * 2);
    if (this.#handle === 0 || this.#pcm === 0) throw new Error("fvad: out of memory");
    this.input = module.HEAP16.subarray(this.#pcm >> 1, (this.#pcm >> 1) + FRAME_BYTES);
    this.reset();
  }

  static async create(mode: FvadMode): Promise<Fvad> {
    const name = "@echogarden/fvad-wasm";
    const { default: load } = (await import(name)) as { default: () => Promise<FvadModule> };
    return new Fvad(await load(), mode);
  }

  reset(): void {
    this.#module._fvad_reset(this.#handle);
    const ok =
      this.#module._fvad_set_mode(this.#handle, this.#mode) === 0 &&
      this.#module._fvad_set_sample_rate(this.#handle, 8000) === 0;
    if (!ok) throw new Error("fvad: refuses its settings");
  }

  /** Whether the frame in `input` is speech. */
  process(): boolean {
    const result = this.#module._fvad_process(this.#handle, this.#pcm, FRAME_BYTES);
    if (result < 0) throw new Error("fvad: refuses a frame");
    return result === 1;
  }

  free(): void {
    this.#module._free(this.#pcm);
    this.#module._fvad_free(this.#handle);
  }
}
