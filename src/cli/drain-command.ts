import { systemClock } from "../adapters/system/system-clock.js";
import type { Clock } from "../ports/clock.js";
import { type CliIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./io.js";
import { OperatorClient } from "./operator-client.js";

/** Longer than the second after which a worker reports its calls again. */
const POLL_MS = 1_500;
/** A call that was accepted just before the drain may not be reported yet: ask once more. */
const ZEROS_NEEDED = 2;
const MAX_FAILURES = 5;
const CALLS_ACTIVE = /^murelay_calls_active(?:\{[^}]*\})? ([\d.e+]+)$/gm;

export interface DrainOptions {
  /** Until no call is left. */
  readonly wait?: boolean;
  readonly json?: boolean;
}

/**
 * Has the relay accept no new calls. With `wait`, returns once no call is left and none can come:
 * callers are still taken for DRAIN_DELAY_SECONDS.
 */
export async function drain(
  io: CliIo,
  { wait = false, json = false }: DrainOptions,
  clock: Clock = systemClock,
): Promise<number> {
  const client = OperatorClient.connect(io);
  if (client === null) return EXIT_USAGE;
  const answer = await client.post("/api/drain");
  if (answer.status !== 202) {
    io.err(client.explain(answer));
    return EXIT_FAILED;
  }
  const delaySeconds = delayOf(answer.body);
  if (wait) return await waitUntilEmpty(io, client, { json, delaySeconds }, clock);
  const calls = await activeCalls(client);
  if (json)
    io.out(JSON.stringify({ draining: true, delaySeconds, calls: isCount(calls) ? calls : null }));
  else io.out(`${whenRefused(delaySeconds)}${isCount(calls) ? `; running: ${calls}` : ""}`);
  return EXIT_OK;
}

function whenRefused(delaySeconds: number): string {
  if (delaySeconds === 0) return "no new calls are accepted";
  return `the relay is not ready any more, and accepts no new calls in ${delaySeconds} s`;
}

/** A relay of an older release names no delay, and has none. */
function delayOf(body: string): number {
  const { delaySeconds } = JSON.parse(body) as { readonly delaySeconds?: number };
  return delaySeconds ?? 0;
}

async function waitUntilEmpty(
  io: CliIo,
  client: OperatorClient,
  { json, delaySeconds }: { readonly json: boolean; readonly delaySeconds: number },
  clock: Clock,
): Promise<number> {
  const refusedMs = clock.nowMs() + delaySeconds * 1000;
  let stopped = false;
  io.onSignal(() => {
    stopped = true;
  });
  let zeros = 0;
  let failures = 0;
  let shown: number | null = null;
  while (!stopped) {
    const calls = await activeCalls(client);
    failures = isCount(calls) || calls === "ended" ? 0 : failures + 1;
    zeros = calls === 0 && clock.nowMs() >= refusedMs ? zeros + 1 : 0;
    if (calls === "ended" || zeros === ZEROS_NEEDED) {
      io.out(
        json ? JSON.stringify({ draining: true, delaySeconds, calls: 0 }) : "no calls are left",
      );
      return EXIT_OK;
    }
    if (failures === MAX_FAILURES) {
      io.err(`cannot tell how many calls are left: ${String(calls)}`);
      return EXIT_FAILED;
    }
    if (!json && isCount(calls) && calls !== shown && calls > 0) {
      io.err(`waiting for running calls: ${calls}`);
      shown = calls;
    }
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
  io.err("not waiting any longer; the relay still accepts no new calls");
  return EXIT_FAILED;
}

function isCount(calls: number | string): calls is number {
  return typeof calls === "number";
}

/** Of all workers. "ended": the relay is gone. Another text: why the number is unknown. */
async function activeCalls(client: OperatorClient): Promise<number | string> {
  const answer = await client.get("/metrics");
  if (answer.status === 0 && answer.body === "ECONNREFUSED") return "ended";
  if (answer.status !== 200) return client.explain(answer);
  const counts = [...answer.body.matchAll(CALLS_ACTIVE)].map(([, value]) => Number(value));
  if (counts.length === 0) return "/metrics does not contain calls_active";
  return counts.reduce((sum, count) => sum + count, 0);
}
