import type { ItemId } from "../../../domain/ids.js";
import type { Log } from "../../../ports/log.js";
import type { Metrics } from "../../../ports/metrics.js";
import type {
  UpstreamClose,
  UpstreamDialer,
  UpstreamSocketEvents,
} from "../../../ports/sockets.js";
import type { ServerEvent } from "../../../wire/realtime-events.js";
import type { ResponseObject, ServerFault, SessionInfo } from "../../../wire/realtime-objects.js";
import {
  type ModelCapabilities,
  type ModelSession,
  RELAYED_FORMAT,
  type SessionChange,
  type SessionFailure,
  type SessionRequest,
  type ToolAnswer,
  type Truncation,
} from "../model-session.js";
import { Configuration } from "./configuration.js";
import { handleEvent, type SessionParts } from "./event-handlers.js";
import { EventReader } from "./event-reader.js";
import { closeFailure, fatalError, isBenign } from "./failures.js";
import { Liveness, PROBE_MS } from "./liveness.js";
import { MAX_BACKLOG_BYTES, Outbox } from "./outbox.js";
import { ResponseFlow } from "./response-flow.js";
import { historyItems } from "./session-config.js";

const CAPABILITIES: ModelCapabilities = { tunesTurnDetection: true, aheadOfRealTime: true };

export interface RealtimeSessionDeps {
  readonly dialer: UpstreamDialer;
  /** The model's socket without query, e.g. wss://api.openai.com/v1/realtime. */
  readonly url: string;
  readonly nowMs: () => number;
  readonly metrics: Metrics;
}

/**
 * A ModelSession over one OpenAI Realtime (GA) WebSocket: it dials, configures the session, then
 * speaks the protocol. It never redials: a lost session is replaced by a new one.
 *
 * Source: OpenAI Realtime API reference, server-side WebSocket.
 */
export class RealtimeSession implements ModelSession, UpstreamSocketEvents {
  readonly capabilities = CAPABILITIES;

  readonly #request: SessionRequest;
  readonly #deps: RealtimeSessionDeps;
  /** The audio of the session does not pass through this process. */
  readonly #direct: boolean;
  readonly #outbox: Outbox;
  readonly #configuration: Configuration;
  readonly #flow: ResponseFlow;
  readonly #reader: EventReader;
  readonly #liveness: Liveness;
  #state: "dialing" | "configuring" | "ready" | "over" = "dialing";
  /** The last error before the session was ready. It explains a close that follows. */
  #openingFault: ServerFault | null = null;

  constructor(request: SessionRequest, deps: RealtimeSessionDeps) {
    const { profile, audio, events, log } = request;
    const { metrics } = deps;
    this.#request = request;
    this.#deps = deps;
    this.#direct = audio.path === "direct";
    this.#liveness = new Liveness(deps.nowMs());
    const url = new URL(deps.url);
    // The server refuses the two parameters together.
    if (audio.path === "relayed") url.searchParams.set("model", profile.model);
    else url.searchParams.set("call_id", audio.callId);
    this.#outbox = new Outbox(deps.dialer.dial(url.href, this));
    this.#flow = new ResponseFlow({
      profile,
      events,
      outbox: this.#outbox,
      direct: this.#direct,
      asked: (nowMs) => this.#liveness.asked(nowMs),
    });
    this.#configuration = new Configuration(profile, this.#outbox, {
      partRefused: (part, tool) => events.sessionPartRefused(part, tool),
      turnsChanged: (turns) => this.#flow.turnsChanged(turns),
    });
    const parts = this.#parts();
    this.#reader = new EventReader({
      speech: this.#flow.speech,
      responses: this.#flow.responses,
      metrics,
      log,
      handle: (event: ServerEvent) => handleEvent(parts, event, this.#liveness.lastEventMs),
      direct: this.#direct,
      hasMcpTools: profile.tools.some((tool) => tool.type === "mcp"),
    });
  }

  #parts(): SessionParts {
    const { events, profile, log } = this.#request;
    const { metrics } = this.#deps;
    const flow = this.#flow;
    return {
      events,
      sequencer: flow.sequencer,
      responses: flow.responses,
      callerItems: flow.callerItems,
      speech: flow.speech,
      texts: flow.texts,
      mcp: flow.mcp,
      limits: flow.limits,
      metrics,
      log,
      transcriptionModel: profile.transcription?.model ?? "unknown",
      sessionCreated: () => this.#created(),
      sessionUpdated: (session) => this.#updated(session),
      responseCreated: (response) => flow.created(response),
      responseDone: (response) => this.#responseDone(response),
      error: (fault) => this.#error(fault),
    };
  }

  get log(): Log {
    return this.#request.log;
  }

  get quiet(): boolean {
    return this.#state !== "ready" || this.#flow.sequencer.quiet;
  }

  get lastEventMs(): number {
    return this.#liveness.lastEventMs;
  }

  // --- from the call -----------------------------------------------------------------------------

  append(base64: Uint8Array, start: number, end: number): void {
    if (this.#state === "ready") this.#outbox.appendBase64(base64, start, end);
  }

  appendUlaw(ulaw: Uint8Array, start: number, end: number): void {
    if (this.#state === "ready") this.#outbox.appendUlaw(ulaw, start, end);
  }

  greet(instructions: string): void {
    if (this.#state === "ready") this.#flow.say(instructions, true, this.#deps.nowMs());
  }

  speak(instructions: string): void {
    if (this.#state === "ready") this.#flow.say(instructions, false, this.#deps.nowMs());
  }

  requestResponse(): void {
    if (this.#state === "ready") this.#flow.reply(this.#deps.nowMs());
  }

  askAgain(): void {
    if (this.#state === "ready") this.#flow.askAgain(this.#deps.nowMs());
  }

  note(text: string): void {
    this.#outbox.send({
      type: "conversation.item.create",
      event_id: this.#outbox.eventId("note"),
      item: { type: "message", role: "system", content: [{ type: "input_text", text }] },
    });
  }

  callerTyped(itemId: ItemId, text: string): void {
    if (this.#state === "ready") this.#flow.callerTyped(itemId, text, this.#deps.nowMs());
  }

  toolResults(results: readonly ToolAnswer[], requestReply: boolean): void {
    if (this.#state === "ready") this.#flow.toolResults(results, requestReply, this.#deps.nowMs());
  }

  interrupted(cuts: readonly Truncation[]): void {
    this.#flow.interrupted(cuts);
  }

  stopSpeaking(isHeard = false): void {
    this.#flow.stopSpeaking(isHeard);
  }

  update(change: SessionChange): void {
    this.#configuration.change(change, this.#flow.responses.hasSpoken);
  }

  callerPaused(): void {
    if (this.#state === "ready") this.#liveness.callerPaused(this.#deps.nowMs());
  }

  callerSilent(): void {
    if (this.#state === "ready") this.#flow.callerSilent(this.#deps.nowMs());
  }

  /** Sends an update without changes, which a live server answers. */
  probe(): void {
    if (this.#state !== "ready" || this.#liveness.probing) return;
    this.#liveness.probed(this.#deps.nowMs());
    this.#outbox.send({
      type: "session.update",
      event_id: this.#outbox.eventId("probe"),
      session: { type: "realtime" },
    });
  }

  tick(nowMs: number): void {
    const { sequencer, mcp } = this.#flow;
    const due = this.#liveness.check(nowMs, sequencer.replyDue);
    if (this.#state !== "ready") return;
    mcp.tick(nowMs);
    this.#flow.sendDue(nowMs);
    if (this.#outbox.isCongested) {
      const detail = `more than ${MAX_BACKLOG_BYTES} bytes not taken by the socket`;
      this.#lose({ code: "upstream_congested", retryable: true, detail });
    } else if (due === "probe") this.probe();
    else if (due === "dead") {
      const detail = `no answer to a probe for ${PROBE_MS} ms`;
      this.#lose({ code: "upstream_hung", retryable: true, detail });
    }
  }

  close(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#outbox.close("done");
  }

  // --- from the socket ---------------------------------------------------------------------------

  opened(): void {
    if (this.#state === "dialing") this.#state = "configuring";
  }

  closed(close: UpstreamClose): void {
    if (this.#state !== "over") this.#lose(closeFailure(close, this.#openingFault));
  }

  message(message: Uint8Array): void {
    if (this.#state === "over") return;
    const nowMs = this.#deps.nowMs();
    if (this.#liveness.received(nowMs)) this.#request.events.probeAnswered();
    this.#reader.message(message);
    if (this.#state === "ready") this.#flow.sendDue(nowMs);
  }

  #created(): void {
    if (this.#state !== "dialing" && this.#state !== "configuring") return;
    this.#state = "configuring";
    if (this.#direct) this.#becomeReady();
    else this.#configuration.sendFirst();
  }

  #updated(session: SessionInfo): void {
    if (this.#state !== "configuring" && this.#state !== "ready") return;
    const wrong = this.#direct ? null : wrongFormat(session);
    if (wrong !== null) {
      const detail = `the session's audio is ${wrong}`;
      this.#lose({ code: "upstream_rejected", retryable: false, detail });
    } else if (this.#state === "configuring") this.#becomeReady();
  }

  #becomeReady(): void {
    this.#state = "ready";
    this.#configuration.accepted();
    this.#openingFault = null;
    for (const entry of this.#request.history) {
      for (const item of historyItems(entry)) {
        const event_id = this.#outbox.eventId("recall");
        this.#outbox.send({ type: "conversation.item.create", event_id, item });
      }
    }
    this.#request.lifecycle.ready();
  }

  #responseDone(response: ResponseObject): void {
    const failure = this.#flow.done(response, this.#liveness.lastEventMs);
    if (failure !== null) this.#lose(failure);
  }

  #error(fault: ServerFault): void {
    const { code, eventId } = fault;
    const fatal = fatalError(code);
    if (fatal !== null) {
      this.#lose(fatal);
      return;
    }
    if (this.#state !== "ready") {
      this.#openingFault = fault;
      // Whether any other error is fatal depends on the close that may follow it.
      if (eventId === null) {
        // A server that does not repeat the id may still name the part.
        if (this.#configuration.isUnderWay) this.#configuration.firstRefused(fault);
      } else if (this.#configuration.isFirst(eventId) && !this.#configuration.firstRefused(fault))
        this.#lose(refusedConfiguration(fault));
      return;
    }
    if (this.#flow.refused(fault, this.#liveness.lastEventMs)) return;
    if (this.#configuration.changeRefused(fault)) return;
    if (isBenign(code) || eventId?.startsWith("probe-") === true)
      this.log.debug("model: needless request refused", { code });
    else this.#request.events.warning(code ?? fault.type ?? "error", "other");
  }

  #lose(failure: SessionFailure): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#outbox.close("lost");
    this.#request.lifecycle.lost(failure);
  }
}

/** The audio format of the session, if it is not that of the phone; otherwise null. */
function wrongFormat({ inputFormat, outputFormat }: SessionInfo): string | null {
  for (const format of [inputFormat, outputFormat])
    if (format !== null && format !== RELAYED_FORMAT) return format;
  return null;
}

function refusedConfiguration(fault: ServerFault): SessionFailure {
  const what = [fault.code ?? fault.type ?? "error", fault.param].filter((part) => part !== null);
  return { code: "upstream_rejected", retryable: false, detail: what.join(": ") };
}
