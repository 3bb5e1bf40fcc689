import type { SharedState } from "../../ports/store.js";
import type { PlacedCall, PlacedCalls } from "../../relay/calls/outbound.js";

/** Calls that were placed, for the process that is asked when they are answered. */
export class StoredPlacedCalls implements PlacedCalls {
  readonly #store: SharedState;

  constructor(store: SharedState) {
    this.#store = store;
  }

  async keep(id: string, placed: PlacedCall, ttlMs: number): Promise<void> {
    await this.#store.putState(keyOf(id), JSON.stringify(placed), ttlMs);
  }

  async take(id: string): Promise<PlacedCall | null> {
    const found = await this.#store.getState(keyOf(id));
    if (found === null) return null;
    await this.#store.removeState(keyOf(id));
    return JSON.parse(found.value);
  }
}

function keyOf(id: string): string {
  return `outbound:${id}`;
}
