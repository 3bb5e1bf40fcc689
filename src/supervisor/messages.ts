/**
 * What supervisor and workers say to each other over the channel that fork() gives them (structured clone, so typed arrays travel
 * as they are). Types only.
 */
import type { MetricsSnapshot } from "../adapters/metrics/snapshot.js";
import type { CallSid } from "../domain/ids.js";
import type { Readiness } from "../relay/calls/call-service.js";
import type { PeerReply, PeerRequest } from "../relay/calls/cluster.js";

export interface WorkerPorts {
  /** The one that all workers share. */
  readonly publicPort: number;
  /** This worker's own public one. */
  readonly ownPort: number;
  /** This worker's operator listener, on loopback. */
  readonly adminPort: number;
}

export type FromWorker =
  | ({ readonly type: "listening" } & WorkerPorts)
  /** It cannot start, for a reason that a restart does not mend. */
  | { readonly type: "refused"; readonly problem: string }
  /** About once a second: it lives. */
  | {
      readonly type: "pulse";
      readonly readiness: Readiness;
      readonly calls: number;
      readonly metrics: MetricsSnapshot;
    }
  /** Its calls are over, or their time is; it still listens. */
  | { readonly type: "drained" }
  | { readonly type: "hold"; readonly callSid: CallSid }
  | { readonly type: "let_go"; readonly callSid: CallSid }
  | {
      readonly type: "ask";
      readonly id: number;
      readonly callSid: CallSid;
      readonly question: PeerRequest;
    }
  | { readonly type: "answer"; readonly id: number; readonly answer: PeerReply | null }
  | { readonly type: "claim"; readonly id: number; readonly key: string; readonly ttlMs: number };

export type ToWorker =
  | {
      readonly type: "begin";
      /** From 0. */
      readonly worker: number;
      /** The shared port; 0: take a free one and say which. */
      readonly publicPort: number;
    }
  | { readonly type: "drain" }
  | { readonly type: "stop" }
  | { readonly type: "moved"; readonly callSid: CallSid }
  | {
      readonly type: "ask";
      readonly id: number;
      readonly callSid: CallSid;
      readonly question: PeerRequest;
    }
  /** To an `ask` of the worker's own. Null: no worker of this machine answers for the call. */
  | { readonly type: "answer"; readonly id: number; readonly answer: PeerReply | null }
  | { readonly type: "claimed"; readonly id: number; readonly first: boolean };
