import type { AgentProfile } from "../../src/domain/agent-profile.js";
import { isOver } from "../../src/relay/call/call-state.js";
import { sid } from "./call-bench.js";
import type { FakeUpstream } from "./fake-upstream.js";
import { LineWorld, type RestFate } from "./line-world.js";

/** What becomes of one response: the model speaks, or does something that real models have done. */
export const RESPONSE_FATES = [
  "speaks",
  "speaks_late",
  "fails",
  "fails_after_speaking",
  "rate_limited",
  "incomplete",
  "empty",
  "text",
  "hangs",
  "never_created",
  "calls_tool",
  "calls_mcp",
  "calls_mcp_late",
] as const;

export type ResponseFate = (typeof RESPONSE_FATES)[number];

/** What may happen beside: in any order. */
export const UNRULY_HAPPENINGS = [
  "caller_turn",
  "caller_turn",
  "caller_turn_unanswered",
  "caller_speaks_for_long",
  "tool_answers",
  "mcp_ends",
  "model_drops",
  "key",
  "typed_number",
  "barge_in",
  "stream_breaks",
  "dial_busy",
  "agent_transfers",
] as const;

export type UnrulyHappening = (typeof UNRULY_HAPPENINGS)[number];

/** The model's audio in these worlds; a tone of the relay holds other bytes. */
const MODEL_BYTE = 0x7f;
const SPEECH_MS = 1_200;

type Json = Readonly<Record<string, unknown>>;

interface Active {
  readonly id: string;
  readonly fate: ResponseFate;
  readonly endsMs: number;
}

/**
 * A line on which the model does anything, with a referee that knows by itself what the caller is owed and since when.
 * `faults` holds each broken promise in words.
 */
export class UnrulyWorld extends LineWorld {
  readonly faults: string[] = [];
  longestWaitMs = 0;
  readonly #fateOf: () => ResponseFate;
  readonly #taken = new Map<FakeUpstream, number>();
  readonly #active = new Map<FakeUpstream, Active>();
  readonly #mcp: { readonly model: FakeUpstream; readonly id: string }[] = [];
  #ids = 0;
  #owedSinceMs: number | null = null;
  #soundMs = 0;
  #heardBytes = 0;
  #speakingUntilMs = 0;
  /** The session that was told of the speech; a new one does not know of it. */
  #told: FakeUpstream | null = null;

  constructor(
    profile: AgentProfile,
    restFates: readonly RestFate[],
    responses: readonly ResponseFate[],
  ) {
    super(profile, restFates);
    const queue = [...responses];
    this.#fateOf = () => queue.shift() ?? "speaks";
  }

  get #nowMs(): number {
    return this.bench.clock.nowMs();
  }

  override async begin(): Promise<void> {
    this.#owe();
    await super.begin();
  }

  #owe(): void {
    this.#owedSinceMs ??= this.#nowMs;
  }

  // --- the model --------------------------------------------------------------------------------

  protected override answer(model: FakeUpstream): void {
    const active = this.#active.get(model);
    if (active !== undefined && this.#nowMs >= active.endsMs) this.#finish(model, active);
    const asked = model.of("response.create").length;
    for (let n = this.#taken.get(model) ?? 0; n < asked; n++) {
      this.#taken.set(model, n + 1);
      if (this.#active.has(model)) {
        this.faults.push("R1: a response was asked for while another was active");
        continue;
      }
      if (this.#speakingUntilMs > this.#nowMs && this.#told === model)
        this.faults.push("O3: a response was asked for while the caller was speaking");
      this.#respond(model);
    }
  }

  #respond(model: FakeUpstream): void {
    const fate = this.#fateOf();
    if (fate === "never_created") return;
    const id = `x${++this.#ids}`;
    model.created(id);
    const speaks = fate === "speaks" || fate === "fails_after_speaking";
    if (speaks) model.delta(id, `i-${id}`, SPEECH_MS * 8);
    const lastsMs = { speaks_late: 3_000, hangs: Number.POSITIVE_INFINITY }[fate as string] ?? 150;
    this.#active.set(model, { id, fate, endsMs: this.#nowMs + lastsMs });
  }

  #finish(model: FakeUpstream, { id, fate }: Active): void {
    this.#active.delete(model);
    switch (fate) {
      case "speaks_late":
        model.delta(id, `i-${id}`, SPEECH_MS * 8);
        model.done(id);
        return;
      case "fails":
      case "fails_after_speaking":
        this.#failed(model, id, "server_error", "The server had an error.");
        return;
      case "rate_limited":
        this.#failed(model, id, "rate_limit_exceeded", "Please try again in 1.2s.");
        return;
      case "incomplete":
        model.done(id, { status: "incomplete", status_details: { reason: "max_output_tokens" } });
        return;
      case "text":
        model.says({
          type: "response.output_text.done",
          response_id: id,
          item_id: `i-${id}`,
          output_index: 0,
          content_index: 0,
          text: "Hello.",
        });
        model.done(id, {
          output: [
            {
              type: "message",
              id: `i-${id}`,
              role: "assistant",
              status: "completed",
              content: [{ type: "output_text", text: "Hello." }],
            },
          ],
        });
        return;
      case "calls_tool": {
        model.done(id, {
          output: [
            {
              type: "function_call",
              id: `f-${id}`,
              status: "completed",
              call_id: `c-${id}`,
              name: "lookup_order",
              arguments: "{}",
            },
          ],
        });
        return;
      }
      case "calls_mcp":
      case "calls_mcp_late":
        this.#callMcp(model, id, fate === "calls_mcp");
        return;
      default:
        model.done(id);
    }
  }

  #failed(model: FakeUpstream, id: string, code: string, message: string): void {
    model.done(id, {
      status: "failed",
      status_details: { type: "failed", error: { type: "server_error", code, message } },
    });
  }

  #callMcp(model: FakeUpstream, id: string, endsFirst: boolean): void {
    const item = {
      type: "mcp_call",
      id: `m-${id}`,
      server_label: "crm",
      name: "find",
      arguments: "{}",
    };
    model.says({ type: "response.mcp_call.in_progress", item_id: item.id, output_index: 0 });
    if (endsFirst)
      model.says({ type: "response.mcp_call.completed", item_id: item.id, output_index: 0 });
    else this.#mcp.push({ model, id: item.id });
    model.done(id, { output: [{ ...item, output: endsFirst ? "{}" : null, error: null }] });
  }

  // --- what happens -----------------------------------------------------------------------------

  async unruly(what: UnrulyHappening): Promise<void> {
    const model = this.bench.dialer.sockets.at(-1);
    const talks =
      this.where.in === "stream" &&
      model !== undefined &&
      model.closedWith === null &&
      model.sent.length > 0;
    switch (what) {
      case "caller_turn":
      case "caller_turn_unanswered":
        if (talks) await this.#callerTurn(model, 600, what === "caller_turn");
        return;
      case "caller_speaks_for_long":
        if (talks) await this.#callerTurn(model, 12_000, true);
        return;
      case "tool_answers":
        this.#toolAnswers();
        break;
      case "mcp_ends":
        for (const { model: asked, id } of this.#mcp.splice(0))
          if (asked.closedWith === null)
            asked.says({ type: "response.mcp_call.completed", item_id: id, output_index: 0 });
        break;
      case "typed_number":
        if (this.where.in === "stream") for (const digit of "4017") this.where.stream.key(digit);
        break;
      case "barge_in":
        if (talks) await this.#callerTurn(model, 200, true);
        return;
      case "agent_transfers":
        // One response at a time, of the model's own too.
        if (!talks || this.#active.has(model)) return;
        await this.happen(what);
        return;
      default:
        await this.happen(what);
        return;
    }
    await this.settle();
  }

  async #callerTurn(model: FakeUpstream, ms: number, answered: boolean): Promise<void> {
    const itemId = `u${++this.#ids}`;
    // What was asked for before the caller spoke.
    this.answer(model);
    this.#speakingUntilMs = this.#nowMs + ms;
    this.#told = model;
    // Server VAD cancels what is being said.
    const active = this.#active.get(model);
    model.says({ type: "input_audio_buffer.speech_started", item_id: itemId, audio_start_ms: 0 });
    if (active !== undefined) {
      this.#active.delete(model);
      model.done(active.id, {
        status: "cancelled",
        status_details: { type: "cancelled", reason: "turn_detected" },
      });
    }
    await this.pass(ms);
    this.#speakingUntilMs = 0;
    if (model.closedWith !== null) return;
    model.says({ type: "input_audio_buffer.speech_stopped", item_id: itemId, audio_end_ms: ms });
    model.says({ type: "input_audio_buffer.committed", item_id: itemId, previous_item_id: null });
    this.#owe();
    if (answered && !this.#active.has(model)) this.#respond(model);
    await this.settle();
  }

  #toolAnswers(): void {
    for (const tools of this.bench.tools)
      while (tools.batches.length > 0) tools.answer('{"found":true}');
  }

  // --- the referee ------------------------------------------------------------------------------

  protected override listen(): void {
    super.listen();
    const nowMs = this.#nowMs;
    const { where } = this;
    const call = this.bench.calls.find(sid(1));
    if (
      where.in !== "stream" ||
      where.stream.closedWith !== null ||
      call === undefined ||
      isOver(call.state)
    ) {
      // Twilio has the caller, who hears it ring or speak.
      this.#soundMs = nowMs;
      this.#owedSinceMs = this.#owedSinceMs === null ? null : nowMs;
      this.#heardBytes = where.in === "stream" ? where.stream.phone.heard.length : 0;
      return;
    }
    const { heard } = where.stream.phone;
    if (heard.length < this.#heardBytes) this.#heardBytes = 0;
    if (heard.length > this.#heardBytes) {
      this.#soundMs = nowMs;
      if (heard.slice(this.#heardBytes).includes(MODEL_BYTE)) this.#owedSinceMs = null;
      this.#heardBytes = heard.length;
    }
    if (this.#speakingUntilMs > nowMs) this.#soundMs = nowMs;
    if (this.#owedSinceMs !== null)
      this.longestWaitMs = Math.max(
        this.longestWaitMs,
        nowMs - Math.max(this.#owedSinceMs, this.#soundMs),
      );
  }

  /** At the end of a run: promises about what was sent in all. */
  judge(): readonly string[] {
    const faults = [...this.faults];
    if (this.longestWaitMs > 8_000)
      faults.push(`O1: the caller waited ${this.longestWaitMs} ms in silence`);
    // A new session is given the calls of the old one with their answers: once for each session.
    for (const model of this.bench.dialer.sockets) {
      const items = model.of("conversation.item.create").map(({ item }) => item as Json);
      const answered = items.filter(({ type }) => type === "function_call_output");
      const callIds = answered.map((item) => item["call_id"]);
      if (new Set(callIds).size < callIds.length)
        faults.push(`R2: a tool call was answered twice: ${callIds.join(", ")}`);
    }
    return faults;
  }
}
