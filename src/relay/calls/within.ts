import type { Clock } from "../../ports/clock.js";

/** What `work` resolves with; null: it took too long. Its failure is passed on. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | null> {
  let expire: (late: null) => void = () => undefined;
  const late = new Promise<null>((resolve) => {
    expire = resolve;
  });
  const timer = clock.after(ms, () => expire(null));
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.cancel();
  }
}
