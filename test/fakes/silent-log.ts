import type { Log } from "../../src/ports/log.js";

/** For tests that look at what is done, not at what is said of it. */
export const silentLog: Log = {
  child: () => silentLog,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
