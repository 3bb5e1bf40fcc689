// Keyboard shortcuts and how their keys are told. Pure.

/** @typedef {{ keys: string, does: string, link?: string, act?: "search" | "numbers" | "next" | "previous" | "help" }} Shortcut */

/** @type {readonly Shortcut[]} */
export const SHORTCUTS = [
  { keys: "?", does: "Show this help", act: "help" },
  { keys: "/", does: "Go to the search field", act: "search" },
  { keys: "j", does: "Next call of the list", act: "next" },
  { keys: "k", does: "Previous call of the list", act: "previous" },
  { keys: "n", does: "Show or mask numbers", act: "numbers" },
  { keys: "g l", does: "Live calls", link: "#/live" },
  { keys: "g w", does: "Wall", link: "#/wall" },
  { keys: "g e", does: "Ended calls", link: "#/ended" },
  { keys: "g r", does: "Calls to review", link: "#/review" },
  { keys: "g h", does: "Health", link: "#/health" },
  { keys: "g a", does: "Audit", link: "#/audit" },
];
/** Between the two keys of a pair. */
const PAIR_MS = 1_500;

/** Finds the shortcut that a key completes. Pure, but for the key before. */
export class KeySequence {
  #first = "";
  #firstMs = 0;

  /** @param {string} key @param {number} nowMs @returns {Shortcut | null} */
  press(key, nowMs) {
    const isPair = this.#first !== "" && nowMs - this.#firstMs <= PAIR_MS;
    const keys = isPair ? `${this.#first} ${key}` : key;
    this.#first = "";
    const found = SHORTCUTS.find((one) => one.keys === keys);
    if (found !== undefined) return found;
    if (!isPair && SHORTCUTS.some((one) => one.keys.startsWith(`${key} `))) {
      this.#first = key;
      this.#firstMs = nowMs;
    }
    return null;
  }
}
