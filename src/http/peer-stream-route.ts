/**
 * `GET /api/calls/:callSid/stream`: a Media Stream that another process carries here. It opens by
 * that process's ticket and by nothing else.
 */
import type { WebSocketBehavior } from "uWebSockets.js";
import type { CallSid } from "../domain/ids.js";
import { TICKET_HEADER } from "../domain/peer-ticket.js";
import type { Log } from "../ports/log.js";
import type { LoopTimer } from "../ports/loop-timer.js";
import type { Metrics } from "../ports/metrics.js";
import type { MediaReceiver, MediaSocket } from "../ports/sockets.js";
import { callSidOf } from "./call-sid.js";
import { acceptStream, type Session, streamBehavior } from "./media-route.js";
import { json, write } from "./reply.js";

export const PEER_STREAM_PATH = "/api/calls/:callSid/stream";

export interface PeerStreamParts {
  readonly streams: {
    redeem(callSid: CallSid, ticket: string): boolean;
    open(socket: MediaSocket): MediaReceiver;
  };
  readonly metrics: Pick<Metrics, "httpRequests">;
  readonly timer: LoopTimer;
  readonly log: Log;
}

export function peerStreamBehavior(parts: PeerStreamParts): WebSocketBehavior<Session> {
  const { metrics, streams } = parts;
  return {
    ...streamBehavior({ ...parts, openStream: (socket) => streams.open(socket) }),
    upgrade: (response, request, context) => {
      const callSid = callSidOf(request.getParameter(0));
      const isInvited =
        callSid !== null && streams.redeem(callSid, request.getHeader(TICKET_HEADER));
      metrics.httpRequests.observe(0, PEER_STREAM_PATH, isInvited ? "101" : "403");
      if (isInvited) acceptStream(response, request, context);
      else write(response, { ...json(403, { error: "ticket" }), close: true });
    },
  };
}
