import { rmSync } from "node:fs";

/** Removes a folder in which a process may still be ending: what it writes meanwhile is removed too. */
export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
