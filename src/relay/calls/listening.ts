import type { CallSid } from "../../domain/ids.js";
import type { Clock } from "../../ports/clock.js";
import type { ListenerReceiver, ListenerSocket } from "../../ports/sockets.js";
import type { CallRegistry } from "./registry.js";

/**
 * Why a call cannot be listened to here. `path`: its audio does not pass through the relay.
 * `elsewhere`: another node or worker has the call.
 */
export type ListenRefusal =
  | { readonly reason: "not_found" | "not_live" | "path" | "too_many_listeners" }
  | { readonly reason: "elsewhere"; readonly node: string };

/** What the edge may ask: who wants to listen to a call. */
export interface ListenService {
  /** Null: `join` will succeed, unless the call ends or others are quicker. */
  refusal(callSid: CallSid): Promise<ListenRefusal | null>;
  /** @param by the operator's name. @returns null: the call is over, or has too many listeners. */
  join(callSid: CallSid, by: string, socket: ListenerSocket): ListenerReceiver | null;
}

/** Operators who listen to the calls of this process. */
export class Listening implements ListenService {
  readonly #registry: Pick<CallRegistry, "find">;
  readonly #clock: Clock;
  /** The node that has a live call, by its record; null: it is not live. */
  readonly #nodeOf: (callSid: CallSid) => Promise<string | null>;

  constructor(
    registry: Pick<CallRegistry, "find">,
    clock: Clock,
    nodeOf: (callSid: CallSid) => Promise<string | null>,
  ) {
    this.#registry = registry;
    this.#clock = clock;
    this.#nodeOf = nodeOf;
  }

  async refusal(callSid: CallSid): Promise<ListenRefusal | null> {
    const call = this.#registry.find(callSid);
    if (call === undefined) {
      const node = await this.#nodeOf(callSid);
      return node === null ? { reason: "not_found" } : { reason: "elsewhere", node };
    }
    const { listeners } = call.path;
    if (listeners === null) return { reason: "path" };
    if (call.isOver) return { reason: "not_live" };
    return listeners.isFull ? { reason: "too_many_listeners" } : null;
  }

  join(callSid: CallSid, by: string, socket: ListenerSocket): ListenerReceiver | null {
    const call = this.#registry.find(callSid);
    const joined = call?.path.listeners?.join(by, socket, this.#clock) ?? null;
    if (call === undefined || joined === null) return null;
    const { id: listener } = joined;
    const speaks = (): boolean => call.takeover.listener === listener;
    return {
      audio: (ulaw) => {
        if (!speaks()) return;
        const base64 = Buffer.from(ulaw).toString("base64");
        call.execute({ type: "supervisor_audio", listener, base64 });
      },
      closed: () => {
        joined.left();
        if (speaks())
          call.execute({ type: "hand_back", by, reason: "connection_lost", note: null });
      },
    };
  }
}
