/**
 * One response being generated: its events in the API's order, audio in bursts faster than real
 * time. A generator yields the waits, so the order of events reads from top to bottom; `#step`
 * drives it by the clock.
 */
import type { SimClock, SimTimer } from "../clock.js";
import type { JsonObject } from "./check.js";
import { type StoredItem, wireItem } from "./items.js";
import type { Mcp } from "./mcp.js";
import {
  FunctionCallItem,
  itemDoneEvents,
  McpItem,
  type OutputContext,
  type OutputItem,
  SpokenItem,
  WrittenItem,
} from "./output-items.js";
import { type Cause, speechesOf, type Turn, type TurnFault } from "./script.js";
import type { Pace } from "./session-types.js";

/** What a response needs of its session. */
export interface ResponseHost {
  readonly clock: SimClock;
  readonly pace: Pace;
  readonly mcp: Mcp;
  /** The session's model marks its messages with a phase. */
  readonly sendsPhases: boolean;
  send(event: JsonObject): void;
  nextId(prefix: string): string;
  random(): number;
  obfuscation(): string;
  /** Puts it into the conversation. @returns the id before it. */
  adopt(item: StoredItem): string | null;
  responseObject(run: ResponseRun): JsonObject;
  /** Sends audio to the socket, or to the line of a SIP call. */
  sendAudio(run: ResponseRun, item: StoredItem, outputIndex: number, bytes: Uint8Array): void;
  fault(kind: TurnFault): void;
  ended(run: ResponseRun): void;
}

export type ResponseStatus = "in_progress" | "completed" | "cancelled" | "failed" | "incomplete";

const FIRST_ITEM_MS = 200;
const SERVER_ERROR = {
  type: "server_error",
  code: "server_error",
  message: "The server had an error while processing your request.",
};

export class ResponseRun {
  readonly id: string;
  readonly cause: Cause;
  readonly turn: Turn;
  /** Outside of the conversation: `conversation: "none"`. */
  readonly outOfBand: boolean;
  readonly metadata: JsonObject | null;
  /** The `response` of the request. */
  readonly request: JsonObject;
  /** "text": the items are written, not spoken. */
  readonly modality: "audio" | "text";
  readonly createdAtMs: number;
  firstDeltaAtMs: number | null = null;
  doneAtMs: number | null = null;
  status: ResponseStatus = "in_progress";
  statusDetails: JsonObject | null = null;
  readonly items: StoredItem[] = [];
  readonly #host: ResponseHost;
  readonly #output: OutputContext;
  readonly #steps: Generator<number, void>;
  /** MCP calls that run on after the response. */
  readonly #running: McpItem[] = [];
  #timer: SimTimer | null = null;
  #cancelling = false;
  #abandoned = false;
  #stalledForGood = false;
  #sentMs = 0;
  #faultPending: boolean;
  /** The item being generated. */
  #open: { readonly output: OutputItem; readonly index: number } | null = null;

  constructor(
    host: ResponseHost,
    fields: Pick<ResponseRun, "cause" | "turn" | "outOfBand" | "metadata" | "request" | "modality">,
  ) {
    this.#host = host;
    this.id = host.nextId("resp");
    this.cause = fields.cause;
    this.turn = fields.turn;
    this.outOfBand = fields.outOfBand;
    this.metadata = fields.metadata;
    this.request = fields.request;
    this.modality = fields.modality;
    this.createdAtMs = host.clock.nowMs();
    this.#faultPending = fields.turn.fault !== undefined;
    this.#output = this.#outputContext();
    this.#steps = this.#play();
  }

  /** Ms of audio sent, all items together. */
  get sentMs(): number {
    return this.#sentMs;
  }

  get cancelling(): boolean {
    return this.#cancelling;
  }

  start(): void {
    this.#step();
  }

  /** Stops without another event: the socket is gone. */
  abandon(): void {
    this.#abandoned = true;
    this.#timer?.cancel();
  }

  cancel(reason: "turn_detected" | "client_cancelled"): void {
    if (this.#cancelling || this.status !== "in_progress" || this.#stalledForGood) return;
    this.#cancelling = true;
    this.#timer?.cancel();
    const { pace, clock } = this.#host;
    for (let i = 0; i < pace.lateDeltas; i++) this.#open?.output.lateDelta();
    this.#timer = clock.after(pace.cancelLagMs, () => {
      this.#steps.return();
      const open = this.#open;
      this.#close("incomplete");
      this.#finish("cancelled", { type: "cancelled", reason });
      for (let i = 0; i < pace.lateDeltasAfterDone; i++) open?.output.lateDelta();
    });
  }

  #step(): void {
    if (this.#abandoned) return;
    const next = this.#steps.next();
    if (next.done === true || next.value === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#host.clock.after(next.value, () => this.#step());
  }

  *#play(): Generator<number, void> {
    const { turn } = this;
    this.#host.send({ type: "response.created", response: this.#host.responseObject(this) });
    for (const event of turn.events ?? []) this.#host.send(event);
    yield turn.delayMs ?? FIRST_ITEM_MS;
    const pauseMs = this.#faultPauseMs();
    if (pauseMs !== null) yield pauseMs;
    for (const make of this.#outputs()) {
      const index = this.items.length;
      const output = make(index);
      this.#begin(output, index);
      yield* output.write();
      this.#close(this.#output.cut ? "incomplete" : "completed");
      if (output instanceof McpItem && output.runsOn) this.#running.push(output);
    }
    this.#end();
  }

  /** The turn's items, each made when it begins. */
  #outputs(): ((index: number) => OutputItem)[] {
    const { turn } = this;
    const context = this.#output;
    const speeches = speechesOf(turn);
    const usual = turn.calls === undefined && turn.mcp === undefined;
    const spoken = speeches.map((speech, i) => (index: number) => {
      const standard = usual ? "final_answer" : "commentary";
      const phase = this.#host.sendsPhases && speech.phase === undefined ? standard : null;
      const given = speech.phase ?? phase;
      if (this.modality === "text") return new WrittenItem(context, speech, index, given);
      const last = context.cut && i === speeches.length - 1;
      const untilMs = last ? (turn.untilMs ?? null) : null;
      return new SpokenItem(context, speech, index, { phase: given, untilMs });
    });
    return [
      ...spoken,
      ...(turn.calls ?? []).map(
        (call) => (index: number) => new FunctionCallItem(context, call, index),
      ),
      ...(turn.mcp ?? []).map((call) => (index: number) => new McpItem(context, call, index)),
    ];
  }

  #begin(output: OutputItem, index: number): void {
    const { item } = output;
    this.items.push(item);
    this.#host.send({
      type: "response.output_item.added",
      response_id: this.id,
      output_index: index,
      item: wireItem(item),
    });
    if (!this.outOfBand) {
      const before = this.#host.adopt(item);
      this.#host.send({
        type: "conversation.item.added",
        previous_item_id: before,
        item: wireItem(item),
      });
    }
    this.#open = { output, index };
  }

  #close(status: "completed" | "incomplete"): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    open.output.close(status);
    const inConversation = !this.outOfBand && !this.#cancelling;
    const events = itemDoneEvents(open.output, open.index, this.id, inConversation);
    for (const event of events) this.#host.send(event);
  }

  #end(): void {
    const { status, error, reason } = this.turn;
    if (status === "failed")
      this.#finish("failed", { type: "failed", error: error ?? SERVER_ERROR });
    else if (status === "incomplete")
      this.#finish("incomplete", { type: "incomplete", reason: reason ?? "max_output_tokens" });
    else if (status === "cancelled")
      this.#finish("cancelled", { type: "cancelled", reason: "turn_detected" });
    // Live captures show null here.
    else this.#finish("completed", null);
    for (const { item, call, outputIndex } of this.#running)
      this.#host.mcp.runAside(item, call, outputIndex);
  }

  #finish(status: ResponseStatus, details: JsonObject | null): void {
    this.status = status;
    this.statusDetails = details;
    this.doneAtMs = this.#host.clock.nowMs();
    this.#host.send({ type: "response.done", response: this.#host.responseObject(this) });
    this.#host.ended(this);
  }

  /** Lets the scripted fault strike once it is due. @returns how long to wait then, or null. */
  #faultPauseMs(): number | null {
    const { fault } = this.turn;
    if (!this.#faultPending || fault === undefined || this.#sentMs < fault.afterMs) return null;
    this.#faultPending = false;
    if (fault.kind === "stall" || fault.kind === "stall_for_good") {
      this.#stalledForGood = fault.kind === "stall_for_good";
      return Number.POSITIVE_INFINITY;
    }
    // The session abandons this response: nothing after the wait will run.
    this.#host.fault(fault.kind);
    return 0;
  }

  #outputContext(): OutputContext {
    const host = this.#host;
    const { turn } = this;
    return {
      responseId: this.id,
      pace: host.pace,
      mcp: host.mcp,
      ratio: turn.ratio ?? 5,
      cut: turn.status === "failed" || turn.status === "incomplete",
      send: (event) => host.send(event),
      nextId: (prefix) => host.nextId(prefix),
      random: () => host.random(),
      obfuscation: () => host.obfuscation(),
      sendAudio: (item, outputIndex, bytes) => {
        this.#sentMs += bytes.length / 8;
        this.firstDeltaAtMs ??= host.clock.nowMs();
        host.sendAudio(this, item, outputIndex, bytes);
      },
      faultPauseMs: () => this.#faultPauseMs(),
    };
  }
}
