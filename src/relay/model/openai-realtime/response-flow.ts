import type { ItemId, ResponseId } from "../../../domain/ids.js";
import { SmallMap } from "../../../domain/small-map.js";
import type { McpApprovalRequestItem } from "../../../wire/realtime-items.js";
import type { ResponseObject, ServerFault } from "../../../wire/realtime-objects.js";
import { usageToTokens } from "../../../wire/realtime-usage.js";
import {
  type ModelSessionEvents,
  NO_RESPONSE,
  type SessionFailure,
  type SessionProfile,
  type ToolAnswer,
  type Truncation,
} from "../model-session.js";
import { CallerItems } from "./caller-items.js";
import type { TurnPolicy } from "./configuration.js";
import { fatalError, isBenign } from "./failures.js";
import { McpCalls } from "./mcp-calls.js";
import { ModelSpeech } from "./model-speech.js";
import type { Outbox } from "./outbox.js";
import { RateLimits } from "./rate-limit.js";
import { ResponseSequencer } from "./response-sequencer.js";
import { Responses } from "./responses.js";
import { TextLimit } from "./text-limit.js";

/** Truncations whose refusal may still arrive. */
const MAX_TRUNCATIONS_KEPT = 32;
const REFUSAL_REASON = "This agent does not allow this tool.";

export interface ResponseFlowDeps {
  readonly profile: SessionProfile;
  readonly events: ModelSessionEvents;
  readonly outbox: Outbox;
  /** The server plays the audio itself. */
  readonly direct: boolean;
  /** Called when a request was sent that the server has to answer. */
  readonly asked: (nowMs: number) => void;
}

/**
 * The responses of one session, from their request to their end: when a response is requested, what
 * the caller heard of it, which tools it called, and how it ended.
 */
export class ResponseFlow {
  readonly sequencer: ResponseSequencer;
  readonly responses = new Responses();
  readonly callerItems = new CallerItems();
  readonly texts = new TextLimit();
  readonly limits = new RateLimits();
  readonly speech: ModelSpeech;
  readonly mcp: McpCalls;
  readonly #deps: ResponseFlowDeps;
  /** Items that were truncated to 0 ms, by the id of the truncation. */
  readonly #truncations = new SmallMap<string, ItemId>();
  #interruptResponse: boolean;

  constructor(deps: ResponseFlowDeps) {
    const { profile, events } = deps;
    const { createResponse, interruptResponse } = profile.turnDetection;
    this.#deps = deps;
    this.#interruptResponse = interruptResponse;
    this.sequencer = new ResponseSequencer(createResponse, interruptResponse);
    this.speech = new ModelSpeech(events, this.responses, this.texts);
    this.mcp = new McpCalls(profile.tools, events, (request, approve) =>
      this.#answerApproval(request, approve),
    );
  }

  turnsChanged({ createResponse, interruptResponse }: TurnPolicy): void {
    this.#interruptResponse = interruptResponse;
    this.sequencer.configure(createResponse, interruptResponse);
  }

  // --- from the call -----------------------------------------------------------------------------

  say(instructions: string, opening: boolean, nowMs: number): void {
    this.sequencer.say(instructions, opening);
    this.sendDue(nowMs);
  }

  reply(nowMs: number): void {
    this.sequencer.reply("context");
    this.sendDue(nowMs);
  }

  askAgain(nowMs: number): void {
    this.sequencer.askAgain();
    this.sendDue(nowMs);
  }

  callerTyped(itemId: ItemId, text: string, nowMs: number): void {
    const { outbox } = this.#deps;
    const { active } = this.responses;
    if (active !== null) {
      this.speech.interrupt(active);
      this.#cancel(active);
    }
    outbox.send({
      type: "conversation.item.create",
      event_id: outbox.eventId("typed"),
      item: {
        type: "message",
        id: itemId,
        role: "user",
        content: [{ type: "input_text", text }],
      },
    });
    this.reply(nowMs);
  }

  toolResults(results: readonly ToolAnswer[], requestReply: boolean, nowMs: number): void {
    const { outbox } = this.#deps;
    for (const { callId, output } of results) {
      outbox.send({
        type: "conversation.item.create",
        event_id: outbox.eventId("tool"),
        item: { type: "function_call_output", call_id: callId, output },
      });
    }
    if (requestReply) this.reply(nowMs);
  }

  interrupted(cuts: readonly Truncation[]): void {
    const { active } = this.responses;
    if (active !== null) {
      this.speech.interrupt(active);
      // With interrupt_response the server has already cancelled it and would refuse a cancel.
      if (!this.#interruptResponse) this.#cancel(active);
    }
    for (const cut of cuts) this.#truncate(cut);
  }

  #truncate(cut: Truncation): void {
    const { outbox } = this.#deps;
    this.speech.interrupt(cut.responseId);
    const eventId = outbox.eventId("truncate");
    if (this.#truncations.size >= MAX_TRUNCATIONS_KEPT) this.#truncations.dropOldest();
    if (cut.heardMs === 0) this.#truncations.set(eventId, cut.itemId);
    outbox.send({
      type: "conversation.item.truncate",
      event_id: eventId,
      item_id: cut.itemId,
      content_index: cut.contentIndex,
      audio_end_ms: cut.heardMs,
    });
  }

  stopSpeaking(isHeard: boolean): void {
    this.sequencer.dropWaiting();
    const { active } = this.responses;
    const { outbox, direct } = this.#deps;
    if (active !== null) {
      this.speech.interrupt(active);
      this.#cancel(active);
    }
    if (direct && (active !== null || isHeard))
      outbox.send({ type: "output_audio_buffer.clear", event_id: outbox.eventId("clear") });
  }

  #cancel(id: ResponseId): void {
    const { outbox } = this.#deps;
    outbox.send({ type: "response.cancel", event_id: outbox.eventId("cancel"), response_id: id });
  }

  /** The caller is silent, or has spoken for too long, whatever the server believes. */
  callerSilent(nowMs: number): void {
    this.callerItems.overruled();
    this.sequencer.callerSilent();
    this.sendDue(nowMs);
  }

  /** Sends the request that may be sent now, if any. */
  sendDue(nowMs: number): void {
    // A reply that is active or requested also answers the MCP call.
    if (this.mcp.takeReplyDue() && !this.sequencer.isReplying) this.sequencer.reply("turn");
    if (!this.sequencer.due(nowMs)) return;
    const { outbox, asked } = this.#deps;
    const eventId = outbox.eventId("create");
    const { instructions } = this.sequencer.take(eventId);
    asked(nowMs);
    if (instructions === null) this.#commitSpeech();
    outbox.send({
      type: "response.create",
      event_id: eventId,
      ...(instructions === null ? {} : { response: { instructions } }),
    });
  }

  /** Commits what the caller has said, so that the reply takes it into account. */
  #commitSpeech(): void {
    if (!this.callerItems.isCommitDue) return;
    const { outbox } = this.#deps;
    const eventId = outbox.eventId("commit");
    this.callerItems.commitSent(eventId);
    outbox.send({ type: "input_audio_buffer.commit", event_id: eventId });
  }

  // --- from the server ---------------------------------------------------------------------------

  created(response: ResponseObject): void {
    if (!this.responses.begins(response.id)) return;
    const unwanted = this.sequencer.created(response.id);
    this.#deps.events.responseStarted(response.id);
    if (!unwanted) return;
    this.speech.interrupt(response.id);
    this.#cancel(response.id);
  }

  /** @returns  the failure of the whole session, if the response failed because of it. */
  done(response: ResponseObject, nowMs: number): SessionFailure | null {
    if (!this.responses.ends(response.id)) return null;
    const { events, profile } = this.#deps;
    this.sequencer.done(response.id);
    const interrupted = this.responses.isInterrupted(response.id);
    for (const item of response.output)
      if (item.type === "message" && !interrupted) events.audioDone(item.id);
    this.#deleteUnheard();
    for (const { itemId, text } of this.responses.unreportedTexts(response))
      events.agentWrote(itemId, text);
    if (response.usage !== null) events.usage(profile.model, usageToTokens(response.usage));
    const result = this.responses.done(response);
    const mcpCalls = this.mcp.responseDone(response, nowMs);
    const fatal = result.status === "failed" ? fatalError(result.problem) : null;
    if (fatal !== null) return fatal;
    const message = response.statusDetails?.errorMessage ?? null;
    events.responseDone({
      responseId: response.id,
      ...result,
      retryAfterMs: this.limits.retryAfterMs(result.problem, message, nowMs),
      mcpCalls,
    });
    return null;
  }

  /** The model must not remember having said what the caller did not hear. */
  #deleteUnheard(): void {
    const { outbox } = this.#deps;
    for (const itemId of this.responses.takeUnheard()) {
      outbox.send({
        type: "conversation.item.delete",
        event_id: outbox.eventId("unheard"),
        item_id: itemId,
      });
    }
  }

  #answerApproval({ id }: McpApprovalRequestItem, approve: boolean): void {
    const { outbox } = this.#deps;
    const eventId = outbox.eventId("approval");
    outbox.send({
      type: "conversation.item.create",
      event_id: eventId,
      item: {
        type: "mcp_approval_response",
        id: eventId as ItemId,
        approval_request_id: id,
        approve,
        ...(approve ? {} : { reason: REFUSAL_REASON }),
      },
    });
  }

  /** True: the error was about a response, a truncation or a commit and has been handled. */
  refused(fault: ServerFault, nowMs: number): boolean {
    const { code, eventId, message } = fault;
    // The reply is asked for all the same. Any other code means that the request was wrong.
    if (this.callerItems.commitRefused(eventId) && isBenign(code)) return true;
    switch (this.sequencer.refused(eventId, code, nowMs)) {
      case "retried":
      case "answered":
        return true;
      case "failed":
        this.#deps.events.responseDone({
          responseId: NO_RESPONSE,
          status: "failed",
          calls: [],
          spoke: false,
          problem: code ?? fault.type ?? "error",
          retryAfterMs: this.limits.retryAfterMs(code, message, nowMs),
          textOnly: null,
          mcpCalls: [],
          phase: null,
        });
        return true;
      case "not_ours":
        return this.#truncationRefused(fault);
    }
  }

  /** An item without generated audio cannot be truncated, only deleted. */
  #truncationRefused({ eventId, code, type }: ServerFault): boolean {
    if (eventId?.startsWith("truncate-") !== true) return false;
    const { outbox, events } = this.#deps;
    const unheard = this.#truncations.get(eventId);
    events.warning(code ?? type ?? "error", "truncate");
    if (unheard === undefined) return true;
    this.#truncations.delete(eventId);
    outbox.send({
      type: "conversation.item.delete",
      event_id: outbox.eventId("unheard"),
      item_id: unheard,
    });
    return true;
  }
}
