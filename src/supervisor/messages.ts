/**
 * The messages between the supervisor and its workers, over the channel that fork() creates. They
 * travel by structured clone, so typed arrays arrive as they are. Types only.
 */
import type { MetricsSnapshot } from "../adapters/metrics/snapshot.js";
import type { AgentsFault } from "../config/agents/agents-file.js";
import type { AgentsPart } from "../config/agents/agents-parts.js";
import type { CallSid } from "../domain/ids.js";
import type { AgentRefusal } from "../domain/refusal-reasons.js";
import type { Readiness } from "../relay/calls/call-service.js";
import type { PeerReply, PeerRequest } from "../relay/calls/cluster.js";
import type { CallLimits, CountedCall } from "../relay/calls/machine-limits.js";

/** What became of a reload. Null: the file is in force. */
export type ReloadFaults = readonly AgentsFault[] | null;

export interface WorkerPorts {
  /** The port that all workers share. */
  readonly publicPort: number;
  /** This worker's own public port. */
  readonly ownPort: number;
  /** This worker's operator listener, on loopback. */
  readonly adminPort: number;
}

/** Sent about once a second, and when it is asked for: the worker is alive. */
export interface Heartbeat {
  /** The last "heartbeat_now" that this one answers; absent: none. */
  readonly asked?: number;
  readonly readiness: Readiness;
  readonly calls: number;
  readonly metrics: MetricsSnapshot;
}

/** Who owns which call, and requests between workers. */
export type ClusterMessage =
  | { readonly type: "claim"; readonly callSid: CallSid }
  | { readonly type: "release"; readonly callSid: CallSid }
  | {
      readonly type: "request";
      /** Numbered by the sender. */
      readonly id: number;
      readonly callSid: CallSid;
      readonly request: PeerRequest;
    }
  | { readonly type: "reply"; readonly id: number; readonly reply: PeerReply | null }
  | {
      readonly type: "claim_once";
      readonly id: number;
      readonly key: string;
      readonly ttlMs: number;
    }
  /** Whether the limits of all workers together allow one more call. */
  | {
      readonly type: "admit";
      readonly id: number;
      readonly call: CountedCall;
      readonly limits: CallLimits;
    }
  /** A call runs on this worker, or does so no longer. */
  | { readonly type: "present"; readonly call: CountedCall }
  | { readonly type: "absent"; readonly callSid: CallSid };

export type FromWorker =
  | ({ readonly type: "listening" } & WorkerPorts)
  /** It cannot start, for a reason that a restart does not change. */
  | { readonly type: "refused"; readonly problem: string }
  | ({ readonly type: "heartbeat" } & Heartbeat)
  /** An exception was not caught. The worker goes on with its calls and has to be replaced. */
  | { readonly type: "failing" }
  /** An operator asks that the agents file is read again, for every worker. */
  | { readonly type: "reload"; readonly id: number }
  /** It has put the agents of a reload in force, or has refused them. */
  | { readonly type: "reloaded"; readonly reload: number; readonly faults: ReloadFaults }
  /** An operator asks that no worker accepts new calls. */
  | { readonly type: "refuse_calls" }
  /** No caller depends on this worker any more. It still listens. */
  | { readonly type: "drained" }
  /** In the order in which they were sent. */
  | { readonly type: "several"; readonly messages: readonly ClusterMessage[] }
  | ClusterMessage;

export type ToWorker =
  | {
      readonly type: "begin";
      /** From 0. */
      readonly worker: number;
      /** The shared port; 0: take a free one and report it. */
      readonly publicPort: number;
    }
  /** Accept no new calls. When the drain time is over, abandon the remaining calls. */
  | { readonly type: "drain" }
  /** Abandon all calls now: callers go to their fallback. Then report "drained". */
  | { readonly type: "abandon" }
  /** Another process has taken this one's place: stop listening, drain, and exit. */
  | { readonly type: "retire" }
  /** Close everything and exit. */
  | { readonly type: "stop" }
  /**
   * A part of an agents file: of the one to start with, and later of each that replaces it.
   * `reload` counts these, from 1.
   */
  | { readonly type: "agents"; readonly reload: number; readonly part: AgentsPart }
  /** Another worker has refused the file of this reload: what was in force before is again. */
  | { readonly type: "take_back"; readonly reload: number }
  /** What became of this worker's "reload"; undefined: the file could not be read. */
  | { readonly type: "reload_read"; readonly id: number; readonly faults: ReloadFaults | undefined }
  /** Accept no new calls, and go on. */
  | { readonly type: "refuse_calls" }
  /** Send a heartbeat now. `asked` counts these, from 1. */
  | { readonly type: "heartbeat_now"; readonly asked: number }
  | { readonly type: "moved"; readonly callSid: CallSid }
  | {
      readonly type: "request";
      readonly id: number;
      readonly callSid: CallSid;
      readonly request: PeerRequest;
    }
  /** The reply to this worker's request. Null: no worker of this machine owns the call. */
  | { readonly type: "reply"; readonly id: number; readonly reply: PeerReply | null }
  | { readonly type: "claimed_once"; readonly id: number; readonly first: boolean }
  | { readonly type: "admitted"; readonly id: number; readonly refusal: AgentRefusal | null };
