import type { ItemId } from "../../domain/ids.js";

/** Which of the caller's turns are still to be transcribed (promise O5). */
export class DueTranscripts {
  /** Without transcription none is ever due. */
  readonly #isWanted: boolean;
  #isOn: boolean;
  readonly #complete: () => void;
  readonly #due: ItemId[] = [];

  /** @param complete  called when the last transcript that was due has arrived. */
  constructor(isWanted: boolean, complete: () => void) {
    this.#isWanted = isWanted;
    this.#isOn = isWanted;
    this.#complete = complete;
  }

  get areComplete(): boolean {
    return this.#due.length === 0;
  }

  /** The caller has ended a turn. */
  turn(itemId: ItemId): void {
    if (this.#isOn && !this.#due.includes(itemId)) this.#due.push(itemId);
  }

  /** The transcript of this turn has arrived, or will never come. */
  arrived(itemId: ItemId): void {
    const at = this.#due.indexOf(itemId);
    if (at < 0) return;
    this.#due.splice(at, 1);
    if (this.areComplete) this.#complete();
  }

  /** The session does not transcribe: the server refused it. */
  refused(): void {
    this.#isOn = false;
    this.#due.length = 0;
  }

  /** The session that would have brought them is gone. The next one may transcribe. */
  clear(): void {
    this.#isOn = this.#isWanted;
    this.#due.length = 0;
  }
}
