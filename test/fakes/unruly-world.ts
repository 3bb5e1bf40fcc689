import { speechLike } from "../../sim/audio/synth.js";
import type { AgentProfile } from "../../src/domain/agent-profile.js";
import { isOver } from "../../src/relay/call/call-state.js";
import { sid } from "./call-bench.js";
import type { FakeUpstream } from "./fake-upstream.js";
import { LineWorld, type RestFate } from "./line-world.js";
import { beginResponse, endResponse, lastsMs, type ResponseFate } from "./response-fates.js";

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
  "odd_event",
  "error_event",
  "speech_without_end",
  "odd_media",
] as const;

export type UnrulyHappening = (typeof UNRULY_HAPPENINGS)[number];

/** The model's audio in these worlds; a tone of the relay holds other bytes. */
const MODEL_BYTE = 0x7f;

type Json = Readonly<Record<string, unknown>>;

/** Words and pauses: a sound without an end is noise to the relay's own voice detection. */
const VOICE = Uint8Array.from([
  ...speechLike(800, 1),
  ...new Uint8Array(200 * 8).fill(0xff),
  ...speechLike(400, 2),
  ...new Uint8Array(240 * 8).fill(0xff),
]);

/** Events that a server may send at any time and that ask for nothing. */
const ODD_EVENTS: readonly Record<string, unknown>[] = [
  { type: "response.something_new", response_id: "x", data: { deep: [1, 2, 3] } },
  { type: "conversation.created", conversation: { id: "conv", object: "realtime.conversation" } },
  { type: "mcp_list_tools.failed", item_id: "m0" },
  { type: "response.done", response: { id: "never seen", status: "completed", output: [] } },
  { type: "response.output_audio.done", response_id: "y", item_id: "z" },
  { type: "session.updated", session: {} },
  { type: "rate_limits.updated", rate_limits: [] },
  { type: "rate_limits.updated", rate_limits: null },
];
const ODD_ERRORS: readonly Record<string, unknown>[] = [
  { type: "server_error", code: "server_error", message: "The server had an error." },
  { type: "invalid_request_error", code: null, message: "?", param: null, event_id: null },
  { type: "invalid_request_error", code: "response_cancel_not_active", event_id: "unknown" },
];
const ODD_MEDIA: readonly Record<string, unknown>[] = [
  { event: "mark", sequenceNumber: "3", streamSid: "MZ1", mark: { name: "not ours" } },
  { event: "mark", sequenceNumber: "2", streamSid: "MZ1", mark: { name: "999:999999" } },
  { event: "connected", protocol: "Call", version: "1.0.0" },
  { event: "news", sequenceNumber: "4", streamSid: "MZ1" },
];

/** Local VAD cannot know earlier that a caller speaks whom the model has long taken to speak. */
const HEARD_WITHIN_MS = 300;

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
  /** The caller's phone sends frames. Runs that need none are spared the work. */
  sendsFrames = false;
  readonly #fateOf: () => ResponseFate;
  readonly #taken = new Map<FakeUpstream, number>();
  readonly #active = new Map<FakeUpstream, Active>();
  readonly #mcp: { readonly model: FakeUpstream; readonly id: string }[] = [];
  #ids = 0;
  #looks = 0;
  #frames = 0;
  #owedSinceMs: number | null = null;
  #soundMs = 0;
  #heardBytes = 0;
  #speakingSinceMs = 0;
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

  /** A response may end, and a caller say something, without a timer of the relay. */
  protected override stepMs(): number {
    return 50;
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
      const spokenMs = this.#nowMs - this.#speakingSinceMs;
      const isSpeaking = this.#speakingUntilMs > this.#nowMs && this.#told === model;
      if (isSpeaking && (spokenMs >= HEARD_WITHIN_MS || !this.sendsFrames))
        this.faults.push("O3: a response was asked for while the caller was speaking");
      this.#respond(model);
    }
  }

  #respond(model: FakeUpstream): void {
    const fate = this.#fateOf();
    if (fate === "never_created") return;
    const id = `x${++this.#ids}`;
    beginResponse(model, id, fate);
    this.#active.set(model, { id, fate, endsMs: this.#nowMs + lastsMs(fate) });
  }

  #finish(model: FakeUpstream, { id, fate }: Active): void {
    this.#active.delete(model);
    const mcpCall = endResponse(model, id, fate);
    if (mcpCall !== null) this.#mcp.push({ model, id: mcpCall });
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
        // A caller hears their own keys.
        this.#soundMs = this.#nowMs;
        if (this.where.in === "stream") for (const digit of "4017") this.where.stream.key(digit);
        break;
      case "odd_event":
        if (talks) for (const event of ODD_EVENTS) model.says(event);
        break;
      case "error_event":
        if (talks) for (const error of ODD_ERRORS) model.says({ type: "error", error });
        break;
      case "speech_without_end":
        if (talks)
          model.says({
            type: "input_audio_buffer.speech_started",
            item_id: `u${++this.#ids}`,
            audio_start_ms: 0,
          });
        break;
      case "odd_media":
        if (this.where.in === "stream")
          for (const message of ODD_MEDIA) this.where.stream.says(message);
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
    this.#speakingSinceMs = this.#nowMs;
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

  /** What the caller's phone sends, for local VAD: speech, or silence. */
  #sendFrames(): void {
    if (!this.sendsFrames || this.where.in !== "stream") return;
    const frames = ++this.#looks % 2 === 0 ? 2 : 3;
    const isSpeaking = this.#speakingUntilMs > this.#nowMs;
    for (let n = 0; n < frames; n++) {
      const at = (++this.#frames * 160) % VOICE.length;
      this.where.stream.frame(isSpeaking ? VOICE.slice(at, at + 160) : undefined);
    }
  }

  protected override listen(): void {
    super.listen();
    this.#sendFrames();
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
