import type { ItemId } from "../../domain/ids.js";

/** Which of the caller's turns are still to be transcribed (contract O5). */
export class DueTranscripts {
  /** Without transcription none is ever due. */
  readonly #isOn: boolean;
  readonly #due = new Set<ItemId>();

  constructor(isOn: boolean) {
    this.#isOn = isOn;
  }

  get areComplete(): boolean {
    return this.#due.size === 0;
  }

  /** The caller has ended a turn. */
  turn(itemId: ItemId): void {
    if (this.#isOn) this.#due.add(itemId);
  }

  arrived(itemId: ItemId): void {
    this.#due.delete(itemId);
  }

  /** The session that would have brought them is gone. */
  clear(): void {
    this.#due.clear();
  }
}
