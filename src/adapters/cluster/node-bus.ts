import { randomBytes } from "node:crypto";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import type { CallSid } from "../../domain/ids.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Cluster, ClusterPeer, PeerReply, PeerRequest } from "../../relay/calls/cluster.js";
import { withRelayErrors } from "../store/guard.js";
import { postgresPool, postgresSettings } from "../store/postgres-pool.js";
import { StateTable } from "../store/state-table.js";
import type { Tables } from "../store/tables.js";
import { type OwnershipChange, OwnerTable } from "./owner-table.js";

export interface NodeBusOptions {
  /** `postgres://…` */
  readonly databaseUrl: string;
  readonly node: string;
  readonly worker: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly load: () => NodeLoad;
}

export interface NodeLoad {
  readonly calls: number;
  readonly maxCalls: number;
  readonly draining: boolean;
}

type BusMessage =
  | {
      readonly type: "ask";
      readonly id: number;
      readonly from: string;
      readonly callSid: CallSid;
      readonly question: PeerRequest;
    }
  | { readonly type: "answer"; readonly id: number; readonly answer: PeerReply | null }
  | { readonly type: "moved"; readonly callSid: CallSid }
  /** The message is too long for a notification, and is kept in `call_state`. */
  | { readonly type: "stored"; readonly key: string };

const CONNECTIONS = 2;
const HEARTBEAT_MS = 3_000;
/** A process that has shown no life for so long is not asked any more. */
const SILENT_MS = 12_000;
/** What is asked is answered within this, or by nobody. A process that was killed a moment ago costs a caller so much silence. */
const ASK_MS = 2_500;
/** A stream's start waits for this; then this process's own list of spent tokens counts. */
const CLAIM_MS = 500;
/** Changes of holders are written together. */
const FLUSH_MS = 20;
const RETRY_MS = 1_000;
/** Of a database that is away: some hours of calls. Beyond, the oldest are given up. */
const MAX_CHANGES = 50_000;
/** PostgreSQL takes 8,000 bytes. */
const MAX_PAYLOAD_BYTES = 7_500;
const STORED_MS = 60_000;
const FIRST_REDIAL_MS = 250;
const LONGEST_REDIAL_MS = 5_000;

/**
 * The processes of all nodes, by way of the PostgreSQL that they share: who lives, who answers for which call, and questions by
 * LISTEN/NOTIFY. While the database is away every process answers as if it were alone; no call waits for it.
 */
export class NodeBus implements Cluster {
  /** Of this process, for its lifetime. */
  readonly process = randomBytes(8).toString("hex");
  readonly #options: NodeBusOptions;
  readonly #db: Kysely<Tables>;
  readonly #state: StateTable;
  readonly #holders: OwnerTable;
  readonly #asked = new Map<
    number,
    { readonly done: (answer: PeerReply | null) => void; readonly timer: Timer }
  >();
  /** The last change of each call that is not written yet. */
  readonly #changes = new Map<CallSid, OwnershipChange>();
  #member: ClusterPeer | null = null;
  #listener: pg.Client | null = null;
  #redialMs = FIRST_REDIAL_MS;
  #nextId = 1;
  #flush: Timer | null = null;
  #flushing: Promise<void> | null = null;
  #heartbeat: Timer | null = null;
  #redial: Timer | null = null;
  #away = false;
  #stopped = false;

  constructor(options: NodeBusOptions) {
    this.#options = options;
    const pool = postgresPool(options.databaseUrl, CONNECTIONS, (error) => this.#lost(error));
    this.#db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    this.#state = new StateTable(this.#db, "postgres", (_operation, work) => withRelayErrors(work));
    this.#holders = new OwnerTable(this.#db, this.process);
  }

  join(member: ClusterPeer): void {
    this.#member = member;
  }

  /** Does not wait for the database. */
  start(): void {
    void this.#listen();
    void this.#beat();
  }

  /** Says goodbye, as far as the database is there. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    await this.#write();
    this.#stopped = true;
    for (const timer of [this.#flush, this.#heartbeat, this.#redial]) timer?.cancel();
    for (const id of [...this.#asked.keys()]) this.#answered(id, null);
    await this.#holders.leave().catch((error: unknown) => this.#lost(error));
    await this.#listener?.end().catch((error: unknown) => this.#lost(error));
    await this.#db.destroy();
  }

  // --- Fleet ----------------------------------------------------------------------------------------

  claim(callSid: CallSid): void {
    this.#change(callSid, "hold");
  }

  release(callSid: CallSid): void {
    this.#change(callSid, "let_go");
  }

  async ask(callSid: CallSid, question: PeerRequest): Promise<PeerReply | null> {
    if (this.#listener === null || this.#stopped) return null;
    try {
      const holder = await this.#holders.ownerOf(callSid, SILENT_MS);
      if (holder === null || holder === this.process) return null;
      const id = this.#nextId++;
      const answer = new Promise<PeerReply | null>((done) => {
        const timer = this.#options.clock.after(ASK_MS, () => this.#answered(id, null));
        this.#asked.set(id, { done, timer });
      });
      await this.#tell(holder, { type: "ask", id, from: this.process, callSid, question });
      return await answer;
    } catch (error) {
      this.#lost(error);
      return null;
    }
  }

  claimOnce(key: string, ttlMs: number): Promise<boolean | null> {
    return new Promise((done) => {
      const timer = this.#options.clock.after(CLAIM_MS, () => done(null));
      this.#state.claimOnce(key, ttlMs).then(
        (first) => {
          timer.cancel();
          done(first);
        },
        (error: unknown) => {
          timer.cancel();
          this.#lost(error);
          done(null);
        },
      );
    });
  }

  /** Processes that live, by node and worker. */
  async nodes(): Promise<readonly NodeStatus[]> {
    return await withRelayErrors(() => this.#holders.nodes(SILENT_MS));
  }

  // --- who answers for what -------------------------------------------------------------------------

  #change(callSid: CallSid, change: OwnershipChange): void {
    if (this.#stopped) return;
    this.#changes.delete(callSid);
    this.#changes.set(callSid, change);
    if (this.#changes.size > MAX_CHANGES) {
      const [oldest] = this.#changes.keys();
      if (oldest !== undefined) this.#changes.delete(oldest);
    }
    this.#flush ??= this.#options.clock.after(FLUSH_MS, () => void this.#write());
  }

  #write(): Promise<void> {
    this.#flush?.cancel();
    this.#flush = null;
    this.#flushing ??= this.#writeAll().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #writeAll(): Promise<void> {
    const changes = new Map(this.#changes);
    if (changes.size === 0) return;
    try {
      for (const { callSid, former } of await this.#holders.write(changes)) {
        if (former !== this.process) await this.#tell(former, { type: "moved", callSid });
      }
      for (const [callSid, change] of changes)
        if (this.#changes.get(callSid) === change) this.#changes.delete(callSid);
      this.#back();
    } catch (error) {
      this.#lost(error);
    }
    if (this.#changes.size > 0 && !this.#stopped)
      this.#flush ??= this.#options.clock.after(
        this.#away ? RETRY_MS : FLUSH_MS,
        () => void this.#write(),
      );
  }

  async #beat(): Promise<void> {
    const { node, worker, clock, load } = this.#options;
    try {
      await this.#holders.beat({ node, worker, ...load() });
      this.#back();
    } catch (error) {
      this.#lost(error);
    }
    if (!this.#stopped) this.#heartbeat = clock.after(HEARTBEAT_MS, () => void this.#beat());
  }

  // --- messages -------------------------------------------------------------------------------------

  async #tell(process: string, message: BusMessage): Promise<void> {
    let payload = JSON.stringify(message);
    if (Buffer.byteLength(payload) > MAX_PAYLOAD_BYTES) {
      const key = `bus:${randomBytes(12).toString("hex")}`;
      await this.#state.putState(key, payload, STORED_MS);
      payload = JSON.stringify({ type: "stored", key } satisfies BusMessage);
    }
    await sql`select pg_notify(${channelOf(process)}, ${payload})`.execute(this.#db);
  }

  /** Our own connection, out of the pool: a subscription belongs to a connection. */
  async #listen(): Promise<void> {
    const client = new pg.Client(postgresSettings(this.#options.databaseUrl));
    let over = false;
    const ended = (error?: Error): void => {
      if (over) return;
      over = true;
      if (this.#listener === client) this.#listener = null;
      if (error !== undefined) this.#lost(error);
      client.end().catch((problem: unknown) => this.#lost(problem));
      if (this.#stopped) return;
      this.#redial = this.#options.clock.after(this.#redialMs, () => void this.#listen());
      this.#redialMs = Math.min(this.#redialMs * 2, LONGEST_REDIAL_MS);
    };
    client.on("error", ended);
    client.on("end", () => ended());
    client.on("notification", ({ payload }) => {
      if (payload !== undefined) void this.#heard(payload);
    });
    try {
      await client.connect();
      // A name of our own making: hexadecimal.
      await client.query(`listen ${channelOf(this.process)}`);
      this.#listener = client;
      this.#redialMs = FIRST_REDIAL_MS;
      this.#back();
    } catch (error) {
      ended(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #heard(payload: string): Promise<void> {
    try {
      // Only processes of ours may write to this database.
      const message = JSON.parse(payload) as BusMessage;
      switch (message.type) {
        case "stored": {
          const stored = await this.#state.getState(message.key);
          await this.#state.removeState(message.key);
          if (stored !== null) await this.#heard(stored.value);
          return;
        }
        case "answer":
          this.#answered(message.id, message.answer);
          return;
        case "moved":
          this.#member?.moved(message.callSid);
          return;
        case "ask": {
          const { callSid, question, id, from } = message;
          const answer = (await this.#member?.answer(callSid, question)) ?? null;
          await this.#tell(from, { type: "answer", id, answer });
          return;
        }
        default:
          // A newer version speaks, while nodes are replaced one by one.
          return;
      }
    } catch (error) {
      this.#options.log.warn("a message of another node could not be dealt with", {}, error);
    }
  }

  #answered(id: number, answer: PeerReply | null): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    asked?.timer.cancel();
    asked?.done(answer);
  }

  // --- the database comes and goes ------------------------------------------------------------------

  #lost(error: unknown): void {
    if (!this.#away && !this.#stopped)
      this.#options.log.warn("other nodes cannot be reached: the database is away", {}, error);
    this.#away = true;
  }

  #back(): void {
    if (this.#away && !this.#stopped) this.#options.log.info("other nodes can be reached again");
    this.#away = false;
  }
}

/** How a process of the fleet stood at its last heartbeat. */
export interface NodeStatus extends NodeLoad {
  readonly node: string;
  readonly worker: number;
  /** Since its heartbeat, by the database's clock. */
  readonly silentMs: number;
}

function channelOf(process: string): string {
  return `murelay_${process}`;
}
