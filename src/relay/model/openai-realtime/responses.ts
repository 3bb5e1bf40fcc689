import type { ItemId, ResponseId, ToolCallId } from "../../../domain/ids.js";
import type { MessageItem } from "../../../wire/realtime-items.js";
import type { ResponseObject } from "../../../wire/realtime-objects.js";
import type { ResponseEnd, ToolCall } from "../model-session.js";
import { cutText } from "./text-limit.js";

/** Interrupted responses whose late audio must still be known as such. */
const MAX_INTERRUPTED_KEPT = 32;
/** Items of interrupted responses that wait for the end of their response. */
const MAX_UNHEARD_KEPT = 64;

/** The part of a response's end that its own object tells. */
export type ResponseResult = Pick<
  ResponseEnd,
  "status" | "calls" | "spoke" | "problem" | "textOnly" | "phase"
>;

/**
 * What is known of the responses of one session: which one is active, whether it was heard, and
 * which ones the caller interrupted, so that late audio of them goes nowhere.
 */
export class Responses {
  #active: ResponseId | null = null;
  #spoke = false;
  #hasSpoken = false;
  #hasTranscript = false;
  /** By item: what came as text. */
  readonly #texts = new Map<ItemId, string>();
  readonly #interrupted: ResponseId[] = [];
  readonly #unheard = new Set<ItemId>();

  get active(): ResponseId | null {
    return this.#active;
  }

  /** Something of the active response was given out. */
  get activeSpoke(): boolean {
    return this.#spoke || this.#hasTranscript;
  }

  /** The model has been heard in this session. */
  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  created(id: ResponseId): void {
    this.#active = id;
    this.#forgetOutput();
  }

  #forgetOutput(): void {
    this.#spoke = false;
    this.#hasTranscript = false;
    this.#texts.clear();
  }

  /** Audio of the active response is given out. */
  spoke(): void {
    this.#spoke = true;
    this.#hasSpoken = true;
  }

  /** The server plays the response itself, or tells what it says: so it has sound. */
  hasSound(): void {
    this.#hasTranscript = true;
    this.#hasSpoken = true;
  }

  /** An item came as text, which is no transcript of sound. */
  wroteText(itemId: ItemId, text: string): void {
    if (this.#texts.size < MAX_UNHEARD_KEPT) this.#texts.set(itemId, cutText(text));
  }

  /** The items of a reply without sound whose text came only with the end of their response. */
  untoldTexts(response: ResponseObject): readonly { itemId: ItemId; text: string }[] {
    if (this.activeSpoke) return [];
    return messagesOf(response).flatMap((message) => {
      const text = textOf(message);
      return text === "" || this.#texts.has(message.id) ? [] : [{ itemId: message.id, text }];
    });
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
    if (this.#unheard.size < MAX_UNHEARD_KEPT) this.#unheard.add(id);
  }

  /** The items that the caller has heard nothing of; asked once. */
  takeUnheard(): readonly ItemId[] {
    const items = [...this.#unheard];
    this.#unheard.clear();
    return items;
  }

  /** The response is over. */
  done(response: ResponseObject): ResponseResult {
    if (this.#active === response.id) this.#active = null;
    const spoke = this.#spoke;
    const calls = completedCalls(response);
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

  /** The whole text of a reply without sound; null when it had sound, or was interrupted. */
  #textOnly(response: ResponseObject): string | null {
    if (this.#spoke || this.#hasTranscript || this.isInterrupted(response.id)) return null;
    if (response.status === "cancelled") return null;
    const messages = messagesOf(response);
    if (messages.some(hasAudio)) return null;
    const ended = messages.map(textOf).filter((text) => text !== "");
    const text = (ended.length > 0 ? ended : [...this.#texts.values()]).join(" ");
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

/** A call that was cut off has half-written arguments, and is not reported. */
function completedCalls({ output, status }: ResponseObject): ToolCall[] {
  return output.flatMap((item) => {
    if (item.type !== "function_call") return [];
    const complete = item.status === null ? status === "completed" : item.status === "completed";
    if (!complete) return [];
    const { callId, name } = item;
    return [{ callId: callId as ToolCallId, name, arguments: item.arguments }];
  });
}

function statusOf({ status }: ResponseObject, hasResult: boolean): ResponseEnd["status"] {
  if (status !== "in_progress" && status !== "unknown") return status;
  // A status that this version does not know: what came of the response tells how it ended.
  return hasResult ? "completed" : "failed";
}

function problemOf({ status, statusDetails }: ResponseObject): string | null {
  const told =
    statusDetails?.errorCode ?? statusDetails?.errorType ?? statusDetails?.reason ?? null;
  if (told !== null || (status !== "unknown" && status !== "in_progress")) return told;
  return "unknown_status";
}
