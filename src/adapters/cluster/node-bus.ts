import { randomBytes } from "node:crypto";
import { Kysely, PostgresDialect, sql } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import { PendingRequests } from "../../domain/pending-requests.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Cluster, ClusterPeer, PeerReply, PeerRequest } from "../../relay/calls/cluster.js";
import { withRelayErrors } from "../store/guard.js";
import { postgresPool, postgresSettings } from "../store/postgres-pool.js";
import { StateTable } from "../store/state-table.js";
import type { Tables } from "../store/tables.js";
import { BusListener } from "./bus-listener.js";
import { type BusMessage, decodeMessage, encodeMessage } from "./bus-message.js";
import { KEEP_MS, type NodeLoad, type NodeStatus, OwnerTable } from "./owner-table.js";
import { OwnershipWriter } from "./ownership-writer.js";

export interface NodeBusOptions {
  /** `postgres://…` */
  readonly databaseUrl: string;
  readonly node: string;
  readonly worker: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly load: () => NodeLoad;
}

const CONNECTIONS = 2;
const HEARTBEAT_MS = 3_000;
/** A process without a heartbeat for this long gets no requests. */
const SILENT_MS = 12_000;
/**
 * A request without a reply counts as unanswered after this. The caller waits that long in silence
 * when the owner of the call was killed a moment ago.
 */
const REPLY_MS = 2_500;
/** The start of a stream waits for this. Afterwards this process's own list of tokens decides. */
const CLAIM_MS = 500;

/**
 * Connects the processes of all nodes through the PostgreSQL database that they share: which are
 * alive, which one owns a call, and requests over LISTEN/NOTIFY. While the database is away every
 * process works as if it were alone. No call waits for the database.
 */
export class NodeBus implements Cluster {
  /** Identifies this run of the process. */
  readonly process = randomBytes(8).toString("hex");
  readonly #options: NodeBusOptions;
  readonly #db: Kysely<Tables>;
  readonly #state: StateTable;
  readonly #owners: OwnerTable;
  readonly #writer: OwnershipWriter;
  readonly #listener: BusListener;
  readonly #requests: PendingRequests<PeerReply | null>;
  #peer: ClusterPeer | null = null;
  #heartbeat: Timer | null = null;
  #away = false;
  #stopped = false;

  constructor(options: NodeBusOptions) {
    const { databaseUrl, clock } = options;
    this.#options = options;
    const pool = postgresPool(databaseUrl, CONNECTIONS, (error) => this.#lost(error));
    this.#db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    this.#state = new StateTable(this.#db, "postgres", (_operation, work) => withRelayErrors(work));
    this.#owners = new OwnerTable(this.#db, this.process);
    this.#requests = new PendingRequests(clock);
    this.#writer = new OwnershipWriter(clock, async (changes) => {
      await this.#reporting(async () => {
        for (const { callSid, former } of await this.#owners.write(changes))
          if (former !== this.process) await this.#send(former, { type: "moved", callSid });
      });
    });
    this.#listener = new BusListener({
      settings: postgresSettings(databaseUrl),
      channel: channelOf(this.process),
      clock,
      onMessage: (payload) => void this.#receive(payload),
      onConnected: () => this.#back(),
      onLost: (error) => this.#lost(error),
    });
  }

  join(peer: ClusterPeer): void {
    this.#peer = peer;
  }

  /** Does not wait for the database. */
  start(): void {
    this.#listener.start();
    void this.#sendHeartbeat();
  }

  /** Gives up all calls, if the database is there. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    await this.#writer.stop();
    this.#stopped = true;
    this.#heartbeat?.cancel();
    this.#requests.close();
    await this.#owners.leave().catch((error: unknown) => this.#lost(error));
    await this.#listener.stop();
    await this.#db.destroy();
  }

  claim(callSid: CallSid): void {
    this.#writer.change(callSid, "claim");
  }

  release(callSid: CallSid): void {
    this.#writer.change(callSid, "release");
  }

  async ask(callSid: CallSid, request: PeerRequest): Promise<PeerReply | null> {
    if (!this.#listener.connected || this.#stopped) return null;
    try {
      const owner = await this.#owners.ownerOf(callSid, SILENT_MS);
      if (owner === null || owner === this.process) return null;
      let sent: Promise<void> = Promise.resolve();
      const reply = this.#requests.open(REPLY_MS, null, (id) => {
        const from = this.process;
        sent = this.#send(owner, { type: "ask", id, from, callSid, question: request });
      });
      await sent;
      return await reply;
    } catch (error) {
      this.#lost(error);
      return null;
    }
  }

  claimOnce(key: string, ttlMs: number): Promise<boolean | null> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(CLAIM_MS, () => resolve(null));
      this.#state.claimOnce(key, ttlMs).then(
        (first) => {
          timer.cancel();
          resolve(first);
        },
        (error: unknown) => {
          timer.cancel();
          this.#lost(error);
          resolve(null);
        },
      );
    });
  }

  /**
   * Processes by node and worker.
   *
   * @param withSilent  also those that have died within the last hour. For people: no request is
   *                    sent to them.
   */
  async nodes(withSilent = false): Promise<readonly NodeStatus[]> {
    const silentMs = withSilent ? KEEP_MS : SILENT_MS;
    return await withRelayErrors(() => this.#owners.nodes(silentMs));
  }

  async #sendHeartbeat(): Promise<void> {
    const { node, worker, clock, load } = this.#options;
    await this.#reporting(() => this.#owners.heartbeat({ node, worker, ...load() })).catch(() => {
      // The next heartbeat tries again.
    });
    if (!this.#stopped)
      this.#heartbeat = clock.after(HEARTBEAT_MS, () => void this.#sendHeartbeat());
  }

  async #send(process: string, message: BusMessage): Promise<void> {
    const payload = await encodeMessage(message, this.#state);
    await sql`select pg_notify(${channelOf(process)}, ${payload})`.execute(this.#db);
  }

  async #receive(payload: string): Promise<void> {
    try {
      const message = await decodeMessage(payload, this.#state);
      switch (message?.type) {
        case "answer":
          this.#requests.settle(message.id, message.answer);
          return;
        case "moved":
          this.#peer?.moved(message.callSid);
          return;
        case "ask": {
          const { callSid, question, id, from } = message;
          const answer = (await this.#peer?.answer(callSid, question)) ?? null;
          await this.#send(from, { type: "answer", id, answer });
          return;
        }
        default:
          // An expired message, or one of a newer release while a cluster is updated.
          return;
      }
    } catch (error) {
      this.#options.log.warn("cluster: message of another node failed", {}, error);
    }
  }

  /** Runs work on the database, and reports whether the database is there. */
  async #reporting<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.#back();
      return result;
    } catch (error) {
      this.#lost(error);
      throw error;
    }
  }

  #lost(error: unknown): void {
    if (!this.#away && !this.#stopped)
      this.#options.log.warn("cluster: database is away, other nodes unreachable", {}, error);
    this.#away = true;
  }

  #back(): void {
    if (this.#away && !this.#stopped) this.#options.log.info("cluster: other nodes reachable");
    this.#away = false;
  }
}

/** Where a process listens: an SQL identifier, as the process is a hexadecimal number. */
export function channelOf(process: string): string {
  return `murelay_${process}`;
}
