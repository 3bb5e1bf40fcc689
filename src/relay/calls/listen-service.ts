import type { CallSid } from "../../domain/ids.js";
import type { ListenerReceiver, ListenerSocket } from "../../ports/sockets.js";

/**
 * Why a call cannot be listened to here. `path`: only the model has its audio.
 * `elsewhere`: another node has the call, and cannot be reached.
 */
export type ListenRefusal =
  | { readonly reason: "not_found" | "not_live" | "path" | "too_many_listeners" }
  | { readonly reason: "elsewhere"; readonly node: string };

/** A call that the operator may listen to: `join` starts it. */
export interface OpenListening {
  /** @returns null: the call has ended meanwhile, or has too many listeners now. */
  join(socket: ListenerSocket): ListenerReceiver | null;
  /** Instead of `join`: the operator has gone. */
  abandon(): void;
}

/** Listening to calls, as the edge uses it. */
export interface ListenService {
  /** Null: `open` will succeed, unless the call ends or gets too many listeners first. */
  refusal(callSid: CallSid): Promise<ListenRefusal | null>;
  /** @param by  the operator's name. Connects to another process if that one has the call. */
  open(callSid: CallSid, by: string): Promise<OpenListening | ListenRefusal>;
  /** As `open`, for a connection from another process, and only for calls of this process. */
  openHere(callSid: CallSid, by: string): OpenListening | ListenRefusal;
  /** The operator for whom another process was given this ticket; null: it is not valid. */
  redeem(callSid: CallSid, ticket: string): string | null;
}
