import type { ListenerReceiver, ListenerSocket, PeerConnection } from "../../ports/sockets.js";
import { MAX_BACKLOG_BYTES } from "../media/call-listeners.js";
import type { OpenListening } from "./listen-service.js";

const NORMAL = 1000;
const INTERNAL = 1011;
const TRY_AGAIN = 1013;

/**
 * A listener at this process whose call is in another process: audio and messages are passed on
 * both ways as they come. Neither side waits for the other. A listener who does not keep up is
 * dropped here and does not burden the process with the call.
 */
export class PeerListening implements OpenListening {
  readonly #peer: PeerConnection;

  constructor(peer: PeerConnection) {
    this.#peer = peer;
  }

  abandon(): void {
    this.#peer.close(NORMAL, "left");
  }

  join(socket: ListenerSocket): ListenerReceiver {
    const peer = this.#peer;
    const events = {
      message: (message: Uint8Array, isBinary: boolean) => {
        if (socket.bufferedBytes() <= MAX_BACKLOG_BYTES) {
          socket.send(message, isBinary);
          return;
        }
        peer.close(TRY_AGAIN, "too_slow");
        socket.close(TRY_AGAIN, "too_slow");
      },
      // Without a close frame the process with the call is gone.
      closed: (code: number, reason: string) =>
        code === NORMAL || code === TRY_AGAIN
          ? socket.close(code, reason)
          : socket.close(INTERNAL, "node_lost"),
    };
    peer.begin(events);
    return {
      // Old audio of a microphone is of no use: what the connection does not take is dropped.
      audio: (ulaw) => {
        if (peer.bufferedBytes() <= MAX_BACKLOG_BYTES) peer.send(ulaw, true);
      },
      closed: () => peer.close(NORMAL, "left"),
    };
  }
}
