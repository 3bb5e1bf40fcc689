/**
 * A process does not always run: a virtual machine is moved, a container is frozen, a debugger
 * stops it. When it continues, its timers are due at once, and what others sent meanwhile is still
 * unread in its sockets. A timer that judges others must not blame them for that.
 */
import type { Clock, Timer } from "../ports/clock.js";

/** A timer this late was delayed by a process stall. A busy event loop delays it by less. */
export const PROCESS_STALL_MS = 250;

/**
 * A timer on what others have to do within `ms`. When it goes off late, it waits once more, as long
 * as it was late and at most `ms`: the others get back the time in which this process could not take
 * their answer.
 *
 * @param run  gets the delay in ms, the second wait included; 0: the timer ran on time.
 */
export function stallAwareDeadline(
  clock: Clock,
  ms: number,
  run: (putOffMs: number) => void,
): Timer {
  const endMs = clock.nowMs() + ms;
  let putOff = false;
  let timer: Timer;
  const arm = (waitMs: number): void => {
    const dueMs = clock.nowMs() + waitMs;
    timer = clock.after(waitMs, () => {
      const nowMs = clock.nowMs();
      const lateMs = nowMs - dueMs;
      if (lateMs < PROCESS_STALL_MS) {
        run(putOff ? nowMs - endMs : 0);
        return;
      }
      putOff = true;
      arm(Math.min(lateMs, ms));
    });
  };
  arm(ms);
  return { cancel: () => timer.cancel() };
}
