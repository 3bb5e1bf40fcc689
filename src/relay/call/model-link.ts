import type { AgentProfile } from "../../domain/agent-profile.js";
import type { Log } from "../../ports/log.js";
import { SEND_DTMF } from "../../tools/send-dtmf.js";
import { ModelDialer, type ModelDialerHost } from "../model/model-dialer.js";
import {
  type HistoryItem,
  type ModelSession,
  type ModelSessionEvents,
  type ModelSessionLifecycle,
  RELAYED_AUDIO,
  type SessionFailure,
  type SessionProfile,
  type SessionTool,
} from "../model/model-session.js";
import type { CallDeps } from "./call-deps.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallLanguage } from "./call-language.js";
import type { CallPath } from "./call-path.js";
import type { Greeting } from "./greeting.js";
import type { ReplyWatch } from "./reply-watch.js";
import type { ToolAnswers } from "./tool-answers.js";

/**
 * A fact that was sent within this time before the session was lost may never have arrived, because
 * a dead connection is found within this time. It is sent again: a fact twice does no harm.
 */
const UNCERTAIN_MS = 15_000;

export interface ModelLinkHost {
  readonly agent: AgentProfile;
  readonly path: CallPath;
  readonly eventLog: CallEventLog;
  readonly log: Log;
  readonly greeting: Greeting;
  readonly tools: ToolAnswers;
  readonly reply: ReplyWatch;
  readonly isOver: boolean;
  modelReady(session: ModelSession, conversation: "new" | "kept"): void;
}

/**
 * The call's side of its model sessions, of which there is at most one at a time: how each is
 * dialled, and with which profile.
 */
export class ModelLink implements ModelDialerHost {
  readonly #host: ModelLinkHost;
  readonly #language: CallLanguage;
  readonly #toolSpecs: readonly SessionTool[];
  readonly #events: ModelSessionEvents;
  readonly #deps: CallDeps;
  readonly #dialer: ModelDialer;
  #attachTo: string | null = null;
  #dialledMs = 0;
  #conversation: "new" | "kept" = "new";
  /** Facts that came while there was no session, and that no session has got as history. */
  #untold: string[] = [];
  /** Facts that were sent to the session lately; they may be lost if its connection was dead. */
  #uncertain: { readonly text: string; readonly toldMs: number }[] = [];

  constructor(
    host: ModelLinkHost,
    language: CallLanguage,
    toolSpecs: readonly SessionTool[],
    events: ModelSessionEvents,
    deps: CallDeps,
  ) {
    this.#host = host;
    this.#language = language;
    this.#toolSpecs = toolSpecs;
    this.#events = events;
    this.#deps = deps;
    const { clock, metrics, upstreamTimeoutMs: timeoutMs } = deps;
    this.#dialer = new ModelDialer(this, { clock, metrics, timeoutMs });
  }

  /** Null while no session is ready. */
  get session(): ModelSession | null {
    return this.#dialer.session;
  }

  /** What a session is opened with now. */
  get profile(): SessionProfile {
    const { agent, path } = this.#host;
    const { keyTones } = path.capabilities;
    return {
      model: agent.model,
      voice: this.#language.voice,
      instructions: this.#language.instructions,
      turnDetection: path.turnDetection,
      noiseReduction: agent.noiseReduction,
      transcription: agent.transcription,
      tools: this.#toolSpecs.filter(
        (spec) => keyTones || spec.type !== "function" || spec.name !== SEND_DTMF,
      ),
      ...(agent.modelSettings === undefined ? {} : { settings: agent.modelSettings }),
    };
  }

  /** Opens a session, unless one is there or on its way. See `CallPathHost.dial`. */
  dial(attachTo: string | null, conversation: "new" | "kept"): void {
    this.#attachTo = attachTo;
    this.#conversation = conversation;
    if (conversation === "new") {
      this.#host.tools.conversationBegins();
      this.#untold = [];
      this.#uncertain = [];
    }
    if (this.session === null) this.#host.reply.dialling();
    this.#dialer.open(conversation === "kept" ? [] : this.#host.eventLog.history());
  }

  /** Tells the model a fact now, or the next session. The conversation has it already. */
  note(text: string): void {
    if (this.session === null) this.#untold.push(text);
    else this.#tell(this.session, text);
  }

  #tell(session: ModelSession, text: string): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#uncertain = this.#uncertain.filter(({ toldMs }) => nowMs - toldMs < UNCERTAIN_MS);
    this.#uncertain.push({ text, toldMs: nowMs });
    session.note(text);
  }

  close(): void {
    this.#dialer.close();
  }

  // --- ModelDialerHost ---------------------------------------------------------------------------

  openSession(history: readonly HistoryItem[], lifecycle: ModelSessionLifecycle): ModelSession {
    this.#language.opened(this.#host.greeting.isLookingUp);
    this.#dialledMs = this.#deps.clock.nowMs();
    const callId = this.#attachTo;
    return this.#deps.models.open({
      profile: this.profile,
      history,
      audio: callId === null ? RELAYED_AUDIO : { path: "direct", callId },
      events: this.#events,
      lifecycle,
      log: this.#host.log,
    });
  }

  sessionReady(session: ModelSession): void {
    const ms = Math.round(this.#deps.clock.nowMs() - this.#dialledMs);
    this.#host.eventLog.sessionReady(ms);
    this.#deps.admission?.model.sessionReady();
    this.#host.reply.dialled();
    for (const text of this.#untold.splice(0)) this.#tell(session, text);
    this.#host.modelReady(session, this.#conversation);
  }

  sessionUnavailable(failure: SessionFailure): void {
    const { code, detail } = failure;
    this.#host.log.warn("model: no session", { code, detail });
    this.#failed(failure);
    this.#host.eventLog.note("session_unavailable", { code });
    this.#host.reply.dialled();
    this.#host.path.sessionUnavailable(failure);
  }

  #failed({ code, retryable }: SessionFailure): void {
    this.#deps.admission?.model.sessionFailed(code, retryable, this.#deps.clock.nowMs());
  }

  sessionLost(failure: SessionFailure): void {
    const { code, detail } = failure;
    this.#failed(failure);
    // After the call's end it is normal that the session ends, too.
    if (!this.#host.isOver) {
      this.#host.log.warn("model: session lost", { code, detail });
      this.#host.eventLog.note("session_lost", { code });
    }
    // A session that attaches to the same conversation gets no history, so they are sent again.
    const nowMs = this.#deps.clock.nowMs();
    const lost = this.#uncertain.splice(0).filter(({ toldMs }) => nowMs - toldMs < UNCERTAIN_MS);
    this.#untold.push(...lost.map(({ text }) => text));
    this.#host.reply.sessionEnded();
    this.#host.eventLog.toolsForgotten();
    this.#host.path.sessionLost(failure);
  }
}
