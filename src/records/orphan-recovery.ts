import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { OrphanSpool, Spool } from "../ports/spool.js";
import type { CallStore } from "../ports/store.js";
import { finalise, replay } from "./recovery.js";

/** A writer without a heartbeat for this long is gone: six heartbeats. */
export const LOST_AFTER_MS = 60_000;
const MAX_ABANDONED = 1_000;

export interface OrphanRecoveryPorts {
  readonly store: CallStore;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Log;
  /** Called for each call whose end recovery has stored. */
  readonly recovered?: (callSid: CallSid) => void;
}

/** Completes the records of processes that died. */
export class OrphanRecovery {
  readonly #ports: OrphanRecoveryPorts;
  readonly #finish: (record: CallRecord) => CallRecord;
  #orphans: OrphanSpool[] = [];
  /** Calls whose process was silent in the round before. */
  #suspects: ReadonlySet<CallSid> = new Set();

  constructor(ports: OrphanRecoveryPorts, finish: (record: CallRecord) => CallRecord) {
    this.#ports = ports;
    this.#finish = finish;
  }

  /**
   * One round: first the journals of dead processes that share this spool, then the live calls of
   * silent writers on any machine. Never rejects.
   *
   * @param databaseUpSinceMs  when the database was last found to be back, on the monotonic clock.
   */
  async run(databaseUpSinceMs: number): Promise<void> {
    const { spool, log, clock } = this.#ports;
    try {
      this.#orphans.push(...(await spool.orphans()));
      for (let orphan = this.#orphans[0]; orphan !== undefined; orphan = this.#orphans[0]) {
        const failedCalls = await this.#recover(orphan);
        this.#orphans.shift();
        log.info("records: journal taken over", { writer: orphan.writer, failedCalls });
      }
      // A database that was away has had no heartbeats. Give every writer the time to send one.
      if (clock.nowMs() - databaseUpSinceMs < LOST_AFTER_MS) return;
      const abandoned = await this.#abandonedTwice();
      const isOther = (owner: string) => owner !== spool.writer;
      const failed = await finalise(this.#ports, abandoned, isOther, this.#finish);
      this.#report(failed);
      if (failed.length > 0)
        log.warn("records: calls of silent processes ended", { failedCalls: failed.length });
    } catch (error) {
      log.warn("records: recovery failed, will retry", {}, error);
    }
  }

  /**
   * After a jump of the clock every heartbeat looks old, until the next one. So a call counts as
   * abandoned when it does in two rounds.
   */
  async #abandonedTwice(): Promise<readonly CallSid[]> {
    const found = await this.#ports.store.abandonedCalls(LOST_AFTER_MS, MAX_ABANDONED);
    const twice = found.filter((callSid) => this.#suspects.has(callSid));
    this.#suspects = new Set(found);
    return twice;
  }

  /** @returns  how many calls ended as failed. */
  async #recover(orphan: OrphanSpool): Promise<number> {
    const { store } = this.#ports;
    for await (const entries of orphan.read())
      this.#report(await replay(this.#ports, orphan.writer, entries, this.#finish));
    const live = await store.liveCallsOf(orphan.writer);
    const isOrphan = (owner: string) => owner === orphan.writer;
    const failed = await finalise(this.#ports, live, isOrphan, this.#finish);
    await store.forgetWriter(orphan.writer);
    this.#report(failed);
    await orphan.remove();
    return failed.length;
  }

  #report(ended: readonly CallSid[]): void {
    for (const callSid of ended) this.#ports.recovered?.(callSid);
  }
}
