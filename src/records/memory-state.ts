import { ExpiringMap } from "../domain/expiring-map.js";
import type { SharedState } from "../ports/store.js";

const MAX_VALUES = 10_000;

/** Values that expire, of a relay without a database: it is the only process. */
export function memoryState(epochMs: () => number): Pick<SharedState, "getState" | "putState"> {
  const values = new ExpiringMap<string, string>({ ttlMs: 0, maxSize: MAX_VALUES });
  return {
    getState: async (key) => {
      const value = values.get(key, epochMs());
      return value === undefined ? null : { value, version: 1 };
    },
    putState: async (key, value, ttlMs) => {
      values.set(key, value, epochMs(), ttlMs);
      return true;
    },
  };
}
