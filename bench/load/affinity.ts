/** Keeps relay and harness on different cores where Linux's `taskset` is available. */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

export interface Cores {
  /** A list as taskset takes it. */
  readonly harness: string;
  readonly relay: string;
}

/**
 * Null with only one core or without taskset: relay and harness then share all cores, and the
 * report says so.
 */
export function splitCores(workers: number): Cores | null {
  const allowed = allowedCores();
  if (allowed.length < 2 || availableParallelism() < 2) return null;
  const relay = allowed.slice(1, 1 + Math.max(1, workers + (workers > 1 ? 1 : 0)));
  return { harness: String(allowed[0]), relay: relay.join(",") };
}

/** All threads of this process; returns how to undo it. */
export function pinSelf(cores: string): () => void {
  const before = allowedCores().join(",");
  spawnSync("taskset", ["-a", "-cp", cores, String(process.pid)]);
  return () => {
    spawnSync("taskset", ["-a", "-cp", before, String(process.pid)]);
  };
}

function allowedCores(): number[] {
  const { status, stdout } = spawnSync("taskset", ["-cp", String(process.pid)], {
    encoding: "utf8",
  });
  if (status !== 0) return [];
  const list = stdout.slice(stdout.lastIndexOf(":") + 1).trim();
  return list.split(",").flatMap((part) => {
    const [from, to] = part.split("-").map(Number);
    if (from === undefined || Number.isNaN(from)) return [];
    return Array.from({ length: (to ?? from) - from + 1 }, (_, i) => from + i);
  });
}
