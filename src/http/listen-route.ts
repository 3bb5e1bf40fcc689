/**
 * `GET /api/calls/:callSid/listen`: a WebSocket with the audio of a live call. See
 * `docs/listening.md`.
 */
import type {
  HttpResponse,
  us_socket_context_t,
  WebSocket,
  WebSocketBehavior,
} from "uWebSockets.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import { TICKET_HEADER } from "../domain/peer-ticket.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { ListenerReceiver, ListenerSocket } from "../ports/sockets.js";
import type { AuditLog } from "../records/audit-log.js";
import type { ListenRefusal, ListenService, OpenListening } from "../relay/calls/listen-service.js";
import { callSidOf } from "./call-sid.js";
import { type RequestHead, readHead } from "./exchange.js";
import { failure, objectWith, STRING } from "./openapi/route-doc.js";
import type { Admitted, OperatorAuth } from "./operator-auth.js";
import type { OperatorRoute } from "./operator-router.js";
import { json, type Reply, text, write } from "./reply.js";

export const LISTEN_PATH = "/api/calls/:callSid/listen";

export interface ListenRouteParts {
  readonly auth: Pick<OperatorAuth, "admit" | "hasEnded" | "unauthorized">;
  readonly audit: Pick<AuditLog, "write">;
  readonly listening: ListenService;
  readonly metrics: Pick<Metrics, "httpRequests">;
  readonly clock: Clock;
  readonly log: Log;
  /** Requests come from the supervisor process, which names the client's address. */
  readonly behindSupervisor: boolean;
}

/** A listener sends nothing but the microphone: 20 to 100 ms a message. */
const MAX_PAYLOAD_BYTES = 16 * 1024;
/** A last resort: the call drops a slow listener earlier (`MAX_BACKLOG_BYTES`). */
const MAX_BACKPRESSURE_BYTES = 256 * 1024;
const IDLE_TIMEOUT_S = 120;
/** Between two checks whether the listener may still listen. */
const SESSION_LOOK_MS = 2_000;

const SIGNED_OUT = 1008;
const TRY_AGAIN = 1013;

const REFUSAL_STATUS: Readonly<Record<ListenRefusal["reason"], number>> = {
  not_found: 404,
  not_live: 409,
  elsewhere: 409,
  too_many_listeners: 409,
  path: 501,
};

const MESSAGES: Partial<Record<ListenRefusal["reason"], string>> = {
  elsewhere:
    "the node that has this call cannot be reached from here: set PEER_URL there, or ask its own operator listener",
  path: "Twilio has no audio of a call that comes straight from a trunk",
};

/** The answer to a request without an upgrade. */
export function listenRoute(listening: ListenService): OperatorRoute {
  return {
    method: "GET",
    path: LISTEN_PATH,
    access: "supervisor",
    doc: {
      summary: "WebSocket: the audio of a live call, both directions",
      answers: {
        101: { description: "Audio follows: see docs/listening.md" },
        404: failure("There is no such live call"),
        409: {
          description:
            "The call is over, on a node out of reach (`node`), or has too many listeners",
          schema: objectWith({ error: STRING }, { message: STRING, node: STRING }),
        },
        426: { description: "Not a WebSocket upgrade", type: "text/plain; charset=utf-8" },
        501: failure("The call comes straight from a trunk: its audio cannot be had"),
        503: failure("The database is away, and this process does not have the call"),
      },
    },
    handle: async ({ params }) =>
      (await refusalOf(listening, callSidOf(params["callSid"]))) ??
      text(426, "upgrade required", { headers: { Upgrade: "websocket" } }),
  };
}

/** What uWebSockets.js keeps for the relay beside each socket. */
interface Session {
  readonly listening: OpenListening;
  /** Null: another process looks after the operator's session. */
  readonly admitted: Admitted | null;
  socket: UwsListener | null;
}

export function listenBehavior(parts: ListenRouteParts): WebSocketBehavior<Session> {
  const { auth, audit, behindSupervisor, clock, log, metrics } = parts;
  return {
    compression: 0,
    maxPayloadLength: MAX_PAYLOAD_BYTES,
    maxBackpressure: MAX_BACKPRESSURE_BYTES,
    idleTimeout: IDLE_TIMEOUT_S,
    sendPingsAutomatically: true,
    upgrade: (response, request, context) => {
      const head = readHead(response, request, behindSupervisor);
      const callSid = callSidOf(request.getParameter(0));
      let isOpen = true;
      response.onAborted(() => {
        isOpen = false;
      });
      judge(parts, head, callSid)
        .catch((error: unknown): Judged => {
          log.error("http: operator request failed", { path: LISTEN_PATH }, error);
          return { operator: null, reply: json(500, { error: "internal" }) };
        })
        .then((found) => {
          const status = "reply" in found ? found.reply.status : 101;
          metrics.httpRequests.observe(0, LISTEN_PATH, String(status));
          if (found.operator !== null)
            audit.write({ operator: found.operator, action: "listen", callSid, status });
          if ("reply" in found) {
            if (isOpen) write(response, { ...found.reply, close: true });
          } else if (isOpen) accept(response, head, context, found);
          else found.listening.abandon();
        });
    },
    open: (ws) => {
      const session = ws.getUserData();
      const { admitted, listening } = session;
      const socket = new UwsListener(ws);
      const receiver = listening.join(socket);
      if (receiver === null) socket.close(TRY_AGAIN, "not_live");
      else socket.joined(receiver, clock, async () => admitted !== null && auth.hasEnded(admitted));
      session.socket = socket;
    },
    message: (ws, message, isBinary) => {
      if (isBinary) ws.getUserData().socket?.audio(new Uint8Array(message));
    },
    close: (ws, code) => ws.getUserData().socket?.closed(code),
  };
}

/** `operator`: for the audit log. Null: another process admitted the operator and writes it. */
type Judged = { readonly operator: Admitted["operator"] | null } & (
  | { readonly reply: Reply }
  | Pick<Session, "admitted" | "listening">
);

async function judge(
  { auth, listening }: ListenRouteParts,
  head: RequestHead,
  callSid: CallSid | null,
): Promise<Judged> {
  const ticket = head.header(TICKET_HEADER);
  if (ticket !== "") return ofPeer(listening, callSid, ticket);
  const admitted = auth.admit(head, "supervisor");
  if ("refused" in admitted) return { operator: null, reply: await admitted.refused };
  if (await auth.hasEnded(admitted)) return { operator: null, reply: auth.unauthorized() };
  const { operator } = admitted;
  if (callSid === null) return { operator, reply: refused({ reason: "not_found" }) };
  const opened = await answered(() => listening.open(callSid, operator.name));
  return "join" in opened ? { operator, admitted, listening: opened } : { operator, reply: opened };
}

/** A ticket gives access only to the call that it was made for. */
function ofPeer(listening: ListenService, callSid: CallSid | null, ticket: string): Judged {
  const by = callSid === null ? null : listening.redeem(callSid, ticket);
  if (callSid === null || by === null)
    return { operator: null, reply: json(403, { error: "ticket" }) };
  const opened = listening.openHere(callSid, by);
  return "join" in opened
    ? { operator: null, admitted: null, listening: opened }
    : { operator: null, reply: refused(opened) };
}

async function refusalOf(listening: ListenService, callSid: CallSid | null): Promise<Reply | null> {
  if (callSid === null) return refused({ reason: "not_found" });
  const found = await answered(async () => (await listening.refusal(callSid)) ?? { open: true });
  return "open" in found ? null : found;
}

/** @throws any error that has no answer for an operator. */
async function answered<Found extends object>(
  ask: () => Promise<Found | ListenRefusal>,
): Promise<Found | Reply> {
  try {
    const found = await ask();
    return "reason" in found ? refused(found) : found;
  } catch (error) {
    if (error instanceof RelayError && error.code === "store_unavailable")
      return json(503, { error: error.code });
    throw error;
  }
}

function refused(refusal: ListenRefusal): Reply {
  const { reason } = refusal;
  return json(REFUSAL_STATUS[reason], {
    error: reason,
    ...(MESSAGES[reason] === undefined ? {} : { message: MESSAGES[reason] }),
    ...(refusal.reason === "elsewhere" ? { node: refusal.node } : {}),
  });
}

function accept(
  response: HttpResponse,
  head: RequestHead,
  context: us_socket_context_t,
  { admitted, listening }: Pick<Session, "admitted" | "listening">,
): void {
  response.cork(() => {
    response.upgrade<Session>(
      { admitted, listening, socket: null },
      head.header("sec-websocket-key"),
      // No subprotocol and no extension is spoken, so none is agreed to.
      "",
      "",
      context,
    );
  });
}

class UwsListener implements ListenerSocket {
  /** Null once closed: uWebSockets.js throws when a closed socket is touched. */
  #ws: WebSocket<Session> | null;
  #receiver: ListenerReceiver | null = null;
  #look: Timer | null = null;

  constructor(ws: WebSocket<Session>) {
    this.#ws = ws;
  }

  joined(receiver: ListenerReceiver, clock: Clock, hasEnded: () => Promise<boolean>): void {
    this.#receiver = receiver;
    this.#look = clock.after(SESSION_LOOK_MS, () => {
      void hasEnded().then((ended) => {
        if (this.#ws === null) return;
        if (ended) this.close(SIGNED_OUT, "signed out");
        else this.joined(receiver, clock, hasEnded);
      });
    });
  }

  audio(ulaw: Uint8Array): void {
    this.#receiver?.audio(ulaw);
  }

  send(message: Uint8Array, isBinary: boolean): void {
    this.#ws?.send(message, isBinary, false);
  }

  bufferedBytes(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }

  close(code: number, reason: string): void {
    this.#ws?.end(code, reason);
  }

  closed(code: number): void {
    this.#ws = null;
    this.#look?.cancel();
    this.#receiver?.closed(code);
  }
}
