/**
 * Signals whose default would end the relay or open it. SIGTERM and SIGINT are handled by the
 * command.
 */

/** SIGHUP ends a process by default. @param reload  called instead. */
export function onHangup(reload: () => void): void {
  process.on("SIGHUP", reload);
}

/** SIGUSR1 opens Node's inspector, which gives everybody on the machine access to the process. */
export function ignoreUserSignals(): void {
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) process.on(signal, () => undefined);
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
