import { systemClock } from "../adapters/system/system-clock.js";
import type { Clock } from "../ports/clock.js";

/**
 * Signals whose default would end the relay or open it. SIGTERM and SIGINT are handled by the
 * command.
 */

/**
 * Two signals within this time count as one. A terminal signals the whole process group, and
 * `npm start` passes the signal on as well, so the relay gets it twice.
 */
const SAME_SIGNAL_MS = 250;

/** @param stop  called for each SIGTERM and SIGINT, once for two that count as one. */
export function onStop(
  stop: (signal: string) => void,
  signals: Pick<NodeJS.EventEmitter, "on"> = process,
  clock: Pick<Clock, "nowMs"> = systemClock,
): void {
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    signals.on(signal, () => {
      const nowMs = clock.nowMs();
      if (nowMs - lastMs < SAME_SIGNAL_MS) return;
      lastMs = nowMs;
      stop(signal);
    });
}

/**
 * For a command with work to finish after Ctrl-C. A second SIGINT, but for one that counts as the
 * same, ends the process at once.
 *
 * @param interrupt  called for the first SIGINT.
 * @returns          lets SIGINT end the process again.
 */
export function onInterrupt(
  interrupt: () => void,
  signals: Pick<NodeJS.EventEmitter, "on" | "off"> = process,
  clock: Pick<Clock, "nowMs"> = systemClock,
  endNow: () => void = () => process.kill(process.pid, "SIGINT"),
): () => void {
  let firstMs: number | null = null;
  const received = (): void => {
    const nowMs = clock.nowMs();
    if (firstMs === null) {
      firstMs = nowMs;
      interrupt();
    } else if (nowMs - firstMs >= SAME_SIGNAL_MS) {
      forget();
      endNow();
    }
  };
  const forget = (): void => void signals.off("SIGINT", received);
  signals.on("SIGINT", received);
  return forget;
}

/** SIGHUP ends a process by default. @param reload  called instead. */
export function onHangup(reload: () => void): void {
  process.on("SIGHUP", reload);
}

/**
 * SIGUSR1 opens Node's inspector, which gives everybody on the machine access to the process.
 * SIGTSTP, Ctrl-Z in a terminal, would stop it in the midst of its calls. The others end it:
 * timers, profilers and limits that it did not set, and a power supply that is about to fail.
 */
const IGNORED = [
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGPROF",
  "SIGTSTP",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGIO",
  "SIGPWR",
  "SIGSTKFLT",
] as const;

export function ignoreUserSignals(): void {
  for (const signal of IGNORED) process.on(signal, () => undefined);
}

/** Ctrl-\ and some service managers. @param end  called instead of ending at once. */
export function onQuit(end: () => void): void {
  process.on("SIGQUIT", end);
}

/** Errors that no code has caught: `report` is called, and the process goes on. */
export function onUncaughtError(report: (error: unknown) => void): void {
  process.on("uncaughtException", report);
  process.on("unhandledRejection", report);
}

/** Files are readable and writable by their owner only, whatever umask was inherited. */
export function makeFilesPrivate(): void {
  process.umask(0o077);
}
