import type { ItemId, ResponseId, ToolCallId } from "../../../domain/ids.js";
import { SmallMap } from "../../../domain/small-map.js";
import type { FunctionCallItem, MessageItem } from "../../../wire/realtime-items.js";
import type { ResponseObject } from "../../../wire/realtime-objects.js";
import type { ResponseEnd, ToolCall } from "../model-session.js";
import { cutText } from "./text-limit.js";
import { EVENT_NOT_READ, UNREAD } from "./unread-event.js";

/** Interrupted responses whose late audio must still be recognised. */
const MAX_INTERRUPTED_KEPT = 32;
/** How many responses are remembered, so that a repeated beginning or end is recognised. */
const MAX_ENDED_KEPT = 32;
/** Items of one response that are kept until it ends. */
const MAX_UNHEARD_KEPT = 64;
const MAX_TOLD_CALLS = 64;

/** The part of a response's end that follows from the response object. */
export type ResponseResult = Pick<
  ResponseEnd,
  "status" | "calls" | "spoke" | "problem" | "textOnly" | "phase"
>;

/**
 * The state of one session's responses: which one is active, whether it has been heard, and which
 * ones the caller interrupted, so that their late audio is dropped.
 */
export class Responses {
  #active: ResponseId | null = null;
  #spoke = false;
  #hasSpoken = false;
  #hasTranscript = false;
  /** By item: text that came in place of audio. */
  readonly #texts = new SmallMap<ItemId, string>();
  readonly #interrupted: ResponseId[] = [];
  readonly #ended: ResponseId[] = [];
  #unheard: ItemId[] = [];
  /** Calls whose items are whole, of the response that reported one last; null: there are none. */
  #told: { readonly id: ResponseId; readonly calls: FunctionCallItem[] } | null = null;

  get active(): ResponseId | null {
    return this.#active;
  }

  /** Some audio of the active response was passed on or played. */
  get activeSpoke(): boolean {
    return this.#spoke || this.#hasTranscript;
  }

  /** The model has spoken in this session. */
  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  /**
   * The server has reported the beginning of a response. If it does so again, the relay must not
   * wait for an end that does not come a second time.
   *
   * @returns false when it was reported before, or the response has ended.
   */
  begins(id: ResponseId): boolean {
    if (id !== UNREAD && (id === this.#active || this.#ended.includes(id))) return false;
    this.#active = id;
    this.#forgetOutput();
    return true;
  }

  /**
   * The end of a response is told. A server that tells it twice must not have its tools run twice.
   *
   * @returns  false when it was told before.
   */
  ends(id: ResponseId): boolean {
    const isKnown = this.#ended.includes(id);
    if (isKnown && id !== this.#active) return false;
    if (!isKnown) this.#ended.push(id);
    if (this.#ended.length > MAX_ENDED_KEPT) this.#ended.shift();
    return true;
  }

  #forgetOutput(): void {
    this.#spoke = false;
    this.#hasTranscript = false;
    this.#texts.clear();
  }

  /** Audio of the active response is passed on. */
  spoke(): void {
    this.#spoke = true;
    this.#hasSpoken = true;
  }

  /** The server plays the response or transcribes it, so the response has audio. */
  hasSound(): void {
    this.#hasTranscript = true;
    this.#hasSpoken = true;
  }

  /** An item came as text, which is not a transcript of audio. */
  wroteText(itemId: ItemId, text: string): void {
    if (this.#texts.size < MAX_UNHEARD_KEPT) this.#texts.set(itemId, cutText(text));
  }

  /** Items of a reply without audio whose text came only with the end of the response. */
  unreportedTexts(response: ResponseObject): readonly { itemId: ItemId; text: string }[] {
    if (this.activeSpoke) return [];
    return messagesOf(response).flatMap((message) => {
      const text = textOf(message);
      return text === "" || this.#texts.has(message.id) ? [] : [{ itemId: message.id, text }];
    });
  }

  /** The item of a function call is whole. The end of its response normally repeats it. */
  toldCall(id: ResponseId, call: FunctionCallItem): void {
    if (this.#told?.id !== id) this.#told = { id, calls: [] };
    const { calls } = this.#told;
    const isNew = calls.every(({ callId }) => callId !== call.callId);
    if (isNew && calls.length < MAX_TOLD_CALLS) calls.push(call);
  }

  interrupt(id: ResponseId): void {
    if (this.isInterrupted(id)) return;
    this.#interrupted.push(id);
    if (this.#interrupted.length > MAX_INTERRUPTED_KEPT) this.#interrupted.shift();
  }

  isInterrupted(id: ResponseId): boolean {
    return this.#interrupted.includes(id);
  }

  /** Audio of this item came after its response was interrupted, and was dropped. */
  unheard(id: ItemId): void {
    if (this.#unheard.length < MAX_UNHEARD_KEPT && !this.#unheard.includes(id))
      this.#unheard.push(id);
  }

  /** Items of which the caller has heard nothing. They are returned once. */
  takeUnheard(): readonly ItemId[] {
    const items = this.#unheard;
    if (items.length > 0) this.#unheard = [];
    return items;
  }

  /** The response has ended. */
  done(response: ResponseObject): ResponseResult {
    if (this.#active === response.id) this.#active = null;
    const spoke = this.#spoke;
    const calls = completedCalls(this.#whole(response));
    const result: ResponseResult = {
      status: statusOf(response, spoke || calls.length > 0),
      calls,
      spoke,
      problem: problemOf(response),
      textOnly: this.#textOnly(response),
      phase: messagesOf(response).at(-1)?.phase ?? null,
    };
    this.#forgetOutput();
    return result;
  }

  /**
   * The response with the calls that were reported before its end, where the end has none: because
   * it was too large to be read, or because the server leaves the output out.
   */
  #whole(response: ResponseObject): Pick<ResponseObject, "status" | "output"> {
    const told = this.#told;
    const { id, status, output } = response;
    if (told?.id !== id) return response;
    this.#told = null;
    const isCutOff =
      status === "cancelled" ||
      status === "incomplete" ||
      (status === "failed" && !isUnread(response));
    if (isCutOff || output.some(({ type }) => type === "function_call")) return response;
    return { status: "completed", output: told.calls };
  }

  /** The text of a reply without audio; null when there was audio, or an interruption. */
  #textOnly(response: ResponseObject): string | null {
    if (this.#spoke || this.#hasTranscript || this.isInterrupted(response.id)) return null;
    if (response.status === "cancelled") return null;
    const messages = messagesOf(response);
    if (messages.some(hasAudio)) return null;
    const ended = messages.map(textOf).filter((text) => text !== "");
    const text = (ended.length > 0 ? ended : this.#texts.values()).join(" ");
    return text.trim() === "" ? null : cutText(text);
  }
}

function messagesOf({ output }: ResponseObject): MessageItem[] {
  return output.filter((item) => item.type === "message");
}

function hasAudio({ content }: MessageItem): boolean {
  return content.some(({ kind }) => kind === "output_audio" || kind === "audio");
}

/** The text of a message that has no audio. */
function textOf(message: MessageItem): string {
  if (hasAudio(message)) return "";
  return cutText(
    message.content
      .map(({ text }) => text ?? "")
      .join(" ")
      .trim(),
  );
}

/** A call that was cut off has incomplete arguments and is not reported. */
function completedCalls({ output, status }: Pick<ResponseObject, "status" | "output">): ToolCall[] {
  return output.flatMap((item) => {
    if (item.type !== "function_call") return [];
    const complete = item.status === null ? status === "completed" : item.status === "completed";
    if (!complete) return [];
    const { callId, name } = item;
    return [{ callId: callId as ToolCallId, name, arguments: item.arguments }];
  });
}

function statusOf(response: ResponseObject, hasResult: boolean): ResponseEnd["status"] {
  const { status } = response;
  // The status is not known, so the output decides.
  const isOpen = status === "in_progress" || status === "unknown";
  if (isOpen || (status === "failed" && isUnread(response)))
    return hasResult ? "completed" : "failed";
  return status;
}

/** The event with the end of the response was not read: see `standIn`. */
function isUnread({ statusDetails }: ResponseObject): boolean {
  return statusDetails?.reason === EVENT_NOT_READ;
}

function problemOf({ status, statusDetails }: ResponseObject): string | null {
  const told =
    statusDetails?.errorCode ?? statusDetails?.errorType ?? statusDetails?.reason ?? null;
  if (told !== null || (status !== "unknown" && status !== "in_progress")) return told;
  return "unknown_status";
}
