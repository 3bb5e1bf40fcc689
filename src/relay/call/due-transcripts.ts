import type { ItemId } from "../../domain/ids.js";

/** Which of the caller's turns are still to be transcribed (contract O5). */
export class DueTranscripts {
  /** Without transcription none is ever due. */
  readonly #isOn: boolean;
  readonly #complete: () => void;
  readonly #due = new Set<ItemId>();

  /** @param complete  the last one that was due is here. */
  constructor(isOn: boolean, complete: () => void) {
    this.#isOn = isOn;
    this.#complete = complete;
  }

  get areComplete(): boolean {
    return this.#due.size === 0;
  }

  /** The caller has ended a turn. */
  turn(itemId: ItemId): void {
    if (this.#isOn) this.#due.add(itemId);
  }

  arrived(itemId: ItemId): void {
    if (this.#due.delete(itemId) && this.areComplete) this.#complete();
  }

  /** The session that would have brought them is gone. */
  clear(): void {
    this.#due.clear();
  }
}
