import type { CallSid } from "../../domain/ids.js";
import type { ListenerReceiver, ListenerSocket } from "../../ports/sockets.js";

/**
 * Why a call cannot be listened to here. `path`: only the model has its audio.
 * `elsewhere`: another node has the call, and cannot be reached.
 */
export type ListenRefusal =
  | { readonly reason: "not_found" | "not_live" | "path" | "too_many_listeners" }
  | { readonly reason: "elsewhere"; readonly node: string };

/** The way to a call's audio is open. */
export interface OpenListening {
  /** @returns null: the call is over meanwhile, or others were quicker. */
  join(socket: ListenerSocket): ListenerReceiver | null;
  /** Instead of `join`: the operator has gone. */
  abandon(): void;
}

/** What the edge may ask: who wants to listen to a call. */
export interface ListenService {
  /** Null: `open` will succeed, unless the call ends or others are quicker. */
  refusal(callSid: CallSid): Promise<ListenRefusal | null>;
  /** @param by the operator's name. Another process that has the call is connected to. */
  open(callSid: CallSid, by: string): Promise<OpenListening | ListenRefusal>;
  /** As `open`, for a connection of another process, and of this process's calls alone. */
  openHere(callSid: CallSid, by: string): OpenListening | ListenRefusal;
  /** The operator for whom another process was given this ticket; null: it is not valid. */
  redeem(callSid: CallSid, ticket: string): string | null;
}
