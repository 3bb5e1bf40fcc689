/** Output items of a response while they are generated: speech, text, function and MCP calls. */
import type { JsonObject } from "./check.js";
import { newItem, type StoredItem, wireItem } from "./items.js";
import { Mcp } from "./mcp.js";
import { argumentsText, audioOf, type McpCall, type ScriptedCall, type Speech } from "./script.js";
import type { Pace } from "./session-types.js";

/** What an output item needs of its response and of the session. */
export interface OutputContext {
  readonly responseId: string;
  readonly pace: Pace;
  readonly mcp: Mcp;
  /** Seconds of audio sent per second. */
  readonly ratio: number;
  /** The response ends before its last item is whole. */
  readonly cut: boolean;
  send(event: JsonObject): void;
  nextId(prefix: string): string;
  random(): number;
  obfuscation(): string;
  /** Sends it, where the session carries audio, and counts it. */
  sendAudio(item: StoredItem, outputIndex: number, bytes: Uint8Array): void;
  /** Ms to wait because the scripted fault has struck, or null. */
  faultPauseMs(): number | null;
}

/** One item being generated. A generator yields the waits, in ms. */
export interface OutputItem {
  readonly item: StoredItem;
  write(): Generator<number, void>;
  /** The done events of the item's own content. */
  close(status: "completed" | "incomplete"): void;
  /** A delta that was in flight when the response was cancelled. */
  lateDelta(): void;
}

const ARGUMENT_CHARACTERS = 24;
const ARGUMENT_PAUSE_MS = 5;

/** The transcript runs ahead of the sound by this factor. */
const TRANSCRIPT_LEAD = 1.5;

export class SpokenItem implements OutputItem {
  readonly item: StoredItem;
  readonly #context: OutputContext;
  readonly #speech: Speech;
  readonly #index: number;
  /** Sound of the whole speech, in bytes. */
  readonly #wholeBytes: number;
  #transcript = "";

  constructor(
    context: OutputContext,
    speech: Speech,
    outputIndex: number,
    fields: { readonly phase: string | null; readonly untilMs: number | null },
  ) {
    this.#context = context;
    this.#speech = speech;
    this.#index = outputIndex;
    const whole = audioOf(speech);
    this.#wholeBytes = whole.length;
    this.item = newItem({
      id: context.nextId("item"),
      type: "message",
      role: "assistant",
      status: "in_progress",
      phase: fields.phase,
      spoken: true,
      audio: fields.untilMs === null ? whole : whole.subarray(0, fields.untilMs * 8),
    });
  }

  *write(): Generator<number, void> {
    const { item } = this;
    const { pace, ratio } = this.#context;
    const address = this.#address();
    const part = { type: "audio", transcript: "" };
    this.#context.send({ type: "response.content_part.added", ...address, part });
    const words = this.#speech.text.match(/\S+\s*/gu) ?? [];
    let said = 0;
    let dueBytes = 0;
    while (item.sentBytes < item.audio.length) {
      dueBytes += pace.burstMs * 8 * ratio;
      const share = (dueBytes * TRANSCRIPT_LEAD) / this.#wholeBytes;
      const ahead = Math.min(words.length, Math.ceil(words.length * share));
      if (ahead > said) this.#words(words.slice(said, ahead).join(""));
      said = Math.max(said, ahead);
      while (item.sentBytes < Math.min(dueBytes, item.audio.length)) {
        this.lateDelta();
        const pauseMs = this.#context.faultPauseMs();
        if (pauseMs !== null) yield pauseMs;
      }
      if (item.sentBytes < item.audio.length) yield pace.burstMs;
    }
  }

  close(status: "completed" | "incomplete"): void {
    const address = this.#address();
    const transcript = this.#transcript;
    this.item.status = status;
    this.item.content = [{ type: "output_audio", transcript }];
    const send = (event: JsonObject) => this.#context.send(event);
    send({ type: "response.output_audio.done", ...address });
    send({ type: "response.output_audio_transcript.done", ...address, transcript });
    send({ type: "response.content_part.done", ...address, part: { type: "audio", transcript } });
  }

  lateDelta(): void {
    const { item } = this;
    if (item.sentBytes >= item.audio.length) return;
    const size = oddSize(this.#context.pace.deltaBytes, this.#context.random());
    const bytes = item.audio.subarray(item.sentBytes, item.sentBytes + size);
    item.sentBytes += bytes.length;
    this.#context.sendAudio(item, this.#index, bytes);
  }

  #words(delta: string): void {
    this.#transcript += delta;
    this.#context.send({
      type: "response.output_audio_transcript.delta",
      ...this.#address(),
      delta,
      obfuscation: this.#context.obfuscation(),
    });
  }

  #address() {
    return contentAddress(this.#context, this.item, this.#index);
  }
}

/** A reply in text: what was asked for, or a model that ignores that audio was. */
export class WrittenItem implements OutputItem {
  readonly item: StoredItem;
  readonly #context: OutputContext;
  readonly #speech: Speech;
  readonly #index: number;
  #text = "";

  constructor(context: OutputContext, speech: Speech, outputIndex: number, phase: string | null) {
    this.#context = context;
    this.#speech = speech;
    this.#index = outputIndex;
    this.item = newItem({
      id: context.nextId("item"),
      type: "message",
      role: "assistant",
      status: "in_progress",
      phase,
    });
  }

  *write(): Generator<number, void> {
    const address = contentAddress(this.#context, this.item, this.#index);
    const part = { type: "text", text: "" };
    this.#context.send({ type: "response.content_part.added", ...address, part });
    for (const delta of this.#speech.text.match(/\S+\s*/gu) ?? []) {
      this.#text += delta;
      const obfuscation = this.#context.obfuscation();
      this.#context.send({ type: "response.output_text.delta", ...address, delta, obfuscation });
      yield ARGUMENT_PAUSE_MS;
    }
  }

  close(status: "completed" | "incomplete"): void {
    const address = contentAddress(this.#context, this.item, this.#index);
    const text = this.#text;
    this.item.status = status;
    this.item.content = [{ type: "output_text", text }];
    this.#context.send({ type: "response.output_text.done", ...address, text });
    const part = { type: "text", text };
    this.#context.send({ type: "response.content_part.done", ...address, part });
  }

  lateDelta(): void {}
}

export class FunctionCallItem implements OutputItem {
  readonly item: StoredItem;
  readonly #context: OutputContext;
  readonly #index: number;
  readonly #arguments: string;

  constructor(context: OutputContext, call: ScriptedCall, outputIndex: number) {
    this.#context = context;
    this.#index = outputIndex;
    const whole = argumentsText(call.arguments);
    this.#arguments = context.cut ? whole.slice(0, whole.length >> 1) : whole;
    this.item = newItem({
      id: context.nextId("item"),
      type: "function_call",
      status: "in_progress",
      name: call.name,
      callId: call.callId ?? context.nextId("call"),
    });
  }

  *write(): Generator<number, void> {
    for (const delta of pieces(this.#arguments)) {
      this.item.arguments += delta;
      const type = "response.function_call_arguments.delta";
      this.#context.send({ type, ...this.#address(), delta });
      yield ARGUMENT_PAUSE_MS;
    }
  }

  close(status: "completed" | "incomplete"): void {
    this.item.status = status;
    if (status === "incomplete") return;
    this.#context.send({
      type: "response.function_call_arguments.done",
      ...this.#address(),
      name: this.item.name,
      arguments: this.item.arguments,
    });
  }

  lateDelta(): void {}

  #address() {
    const { responseId } = this.#context;
    const { id, callId } = this.item;
    return {
      response_id: responseId,
      item_id: id,
      output_index: this.#index,
      call_id: callId,
    };
  }
}

/** A call that the server makes by itself, or the request for approval of one. */
export class McpItem implements OutputItem {
  readonly item: StoredItem;
  readonly call: McpCall;
  readonly outputIndex: number;
  readonly #context: OutputContext;

  constructor(context: OutputContext, call: McpCall, outputIndex: number) {
    this.#context = context;
    this.call = call;
    this.outputIndex = outputIndex;
    this.item =
      call.approval === true
        ? context.mcp.approvalItem(call, outputIndex)
        : context.mcp.callItem(call);
  }

  /** The call runs on after the response. */
  get runsOn(): boolean {
    return this.call.approval !== true && this.call.order !== "before_done";
  }

  *write(): Generator<number, void> {
    if (this.call.approval === true) return;
    const address = {
      response_id: this.#context.responseId,
      item_id: this.item.id,
      output_index: this.outputIndex,
    };
    const text = argumentsText(this.call.arguments);
    for (const delta of pieces(text)) {
      const obfuscation = this.#context.obfuscation();
      const type = "response.mcp_call_arguments.delta";
      this.#context.send({ type, ...address, delta, obfuscation });
      yield ARGUMENT_PAUSE_MS;
    }
    this.#context.send({ type: "response.mcp_call_arguments.done", ...address, arguments: text });
    this.#context.mcp.started(this.item, this.outputIndex);
    if (this.runsOn) return;
    yield Mcp.msOf(this.call);
    this.#context.mcp.finished(this.item, this.call, this.outputIndex);
  }

  close(): void {}

  lateDelta(): void {}
}

/** The end of an output item, and of the conversation's item where that is whole. */
export function itemDoneEvents(
  output: OutputItem,
  outputIndex: number,
  responseId: string,
  inConversation: boolean,
): readonly JsonObject[] {
  const item = wireItem(output.item);
  const done = { type: "response.output_item.done", response_id: responseId };
  const ends = inConversation && !(output instanceof McpItem && output.runsOn);
  return [
    { ...done, output_index: outputIndex, item },
    ...(ends ? [{ type: "conversation.item.done", item }] : []),
  ];
}

function contentAddress(context: OutputContext, item: StoredItem, outputIndex: number) {
  return {
    response_id: context.responseId,
    item_id: item.id,
    output_index: outputIndex,
    content_index: 0,
  };
}

function* pieces(text: string): Generator<string, void> {
  for (let at = 0; at < text.length; at += ARGUMENT_CHARACTERS)
    yield text.slice(at, at + ARGUMENT_CHARACTERS);
}

/** Never whole frames, and never whole base64 groups. */
function oddSize(range: readonly [number, number], random: number): number {
  let size = Math.floor(range[0] + (range[1] - range[0]) * random);
  while (size % 160 === 0 || size % 3 === 0) size++;
  return size;
}
