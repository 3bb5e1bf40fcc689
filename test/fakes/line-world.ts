import type { AgentProfile } from "../../src/domain/agent-profile.js";
import { type ErrorCode, RelayError } from "../../src/domain/errors.js";
import type { CallControl } from "../../src/ports/twilio.js";
import { supervisorTransfer } from "../../src/relay/call/call-command.js";
import { PLAIN, readCallbackLink } from "../../src/relay/calls/callback-link.js";
import { Transfers } from "../../src/relay/calls/transfers.js";
import type { Twiml, TwimlVerb } from "../../src/wire/twiml.js";
import { CallBench, type FakeStream, parametersOf, sid } from "./call-bench.js";
import type { FakeUpstream } from "./fake-upstream.js";

const STEP_MS = 50;

/** How one REST request goes. `done`: Twilio carried it out, whatever it answered. */
export interface RestFate {
  readonly code: ErrorCode | null;
  readonly done: boolean;
  /** Until the answer is here. */
  readonly ms?: number;
}

/** What may happen to a call that talks, in any order. */
export const HAPPENINGS = [
  "agent_speaks",
  "barge_in",
  "agent_transfers",
  "agent_ends",
  "key",
  "supervisor_transfers",
  "hang_up",
  "stream_breaks",
  "model_drops",
  "model_speaks_late",
  "dial_answered",
  "dial_busy",
  "callback_again",
] as const;

export type Happening = (typeof HAPPENINGS)[number];

type Where =
  | { readonly in: "stream"; readonly stream: FakeStream }
  | { readonly in: "dial"; readonly action: string }
  | { readonly in: "gone" };

/**
 * One caller in a Twilio of a few lines over the whole middle floor: it carries out the TwiML that
 * it is given, ends streams as Twilio does, asks what follows, and keeps where the caller is.
 */
export class LineWorld {
  readonly bench: CallBench;
  where: Where = { in: "gone" };
  redirects = 0;
  /** The longest time for which the caller, on the line, heard nothing. */
  longestSilenceMs = 0;
  #heardMs = 0;
  #playedBytes = 0;
  #fates: RestFate[];
  #responses = 0;
  readonly #answered = new Map<FakeUpstream, number>();
  #last: (() => Promise<unknown>) | null = null;
  /** Twilio acts after our request was answered, not within it. */
  readonly #due: (() => Promise<void>)[] = [];

  constructor(profile: AgentProfile, fates: readonly RestFate[]) {
    this.#fates = [...fates];
    const control = {
      redirect: async (_callSid: string, twiml: Twiml) => {
        this.redirects++;
        const fate = this.#fates.shift() ?? { code: null, done: true };
        if (fate.ms !== undefined)
          await new Promise<void>((resolve) => this.bench.clock.after(fate.ms ?? 0, resolve));
        if (this.where.in === "gone")
          throw new RelayError("caller_gone", "21220", { retryable: false });
        if (fate.done) this.#due.push(() => this.#redirected(twiml));
        if (fate.code !== null) throw new RelayError(fate.code, fate.code, { retryable: true });
      },
      status: async () => (this.where.in === "gone" ? "completed" : "in-progress"),
      hangUp: async () => {
        this.#due.push(() => this.#hangUp());
      },
    } as unknown as CallControl;
    this.bench = new CallBench(
      profile,
      {},
      (host, { clock, log, fake, journal }) =>
        new Transfers(host, {
          cluster: null,
          journal,
          control,
          clock,
          log,
          metrics: fake.metrics,
          links: { publicUrl: "https://relay.test", mediaUrl: "wss://relay.test/media-stream" },
          states: null,
          escalate: null,
          recordUrl: null,
          holdMusicUrl: null,
        }),
    );
  }

  async begin(): Promise<void> {
    const { stream } = await this.bench.talk();
    this.where = { in: "stream", stream };
  }

  protected get model(): FakeUpstream {
    return this.bench.dialer.last;
  }

  #form(more: Record<string, string> = {}): Record<string, string> {
    const CallStatus = this.where.in === "gone" ? "completed" : "in-progress";
    return this.bench.form(1, { CallStatus, ...more });
  }

  /** Time passes; Twilio does what is due, and a model that was dialled answers. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; ) {
      const step = Math.min(this.stepMs(), left);
      this.bench.run(step, step > STEP_MS ? step : STEP_MS / 2);
      await this.settle();
      this.listen();
      left -= step;
    }
  }

  /** Without a stream nothing happens until a timer is due. */
  protected stepMs(): number {
    if (this.where.in === "stream") return STEP_MS;
    const steps = Math.floor(this.bench.clock.untilNextMs / STEP_MS);
    return Math.max(1, steps) * STEP_MS;
  }

  /** From here on silence counts anew. */
  forgetSilence(): void {
    this.#heardMs = this.bench.clock.nowMs();
    this.longestSilenceMs = 0;
  }

  protected listen(): void {
    const nowMs = this.bench.clock.nowMs();
    const { where } = this;
    const bytes = where.in === "stream" ? where.stream.phone.heardBytes : 0;
    // A line that is being dialled rings.
    if (where.in !== "stream" || bytes > this.#playedBytes) this.#heardMs = nowMs;
    this.#playedBytes = bytes;
    this.longestSilenceMs = Math.max(this.longestSilenceMs, nowMs - this.#heardMs);
  }

  protected async settle(): Promise<void> {
    for (let again = true; again; ) {
      await new Promise((resolve) => setImmediate(resolve));
      again = false;
      for (const act of this.#due.splice(0)) {
        again = true;
        await act();
      }
      if (this.where.in === "stream" && this.where.stream.closedWith !== null) {
        again = true;
        const { stream } = this.where;
        stream.receiver?.closed(1000);
        await this.#ask(() => this.bench.calls.connectEnded(this.#form()));
      }
      const model = this.bench.dialer.sockets.at(-1);
      if (model !== undefined && model.closedWith === null && model.sent.length === 0) {
        again = true;
        model.becomesReady();
      }
      if (model !== undefined && model.closedWith === null) this.answer(model);
    }
  }

  /** The model says a second and a half whenever it is asked to speak. */
  protected answer(model: FakeUpstream): void {
    const asked = model.of("response.create").length;
    for (let n = this.#answered.get(model) ?? 0; n < asked; n++) {
      const id = `a${++this.#responses}`;
      model.created(id);
      model.delta(id, `i-${id}`, 12_000);
      model.done(id);
    }
    this.#answered.set(model, asked);
  }

  async #ask(request: () => Promise<Twiml>): Promise<void> {
    this.#last = request;
    await this.#execute(await request());
  }

  async #redirected(twiml: Twiml): Promise<void> {
    if (this.where.in === "stream" && this.where.stream.closedWith === null)
      this.where.stream.stop(sid(1));
    if (this.where.in !== "gone") await this.#execute(twiml);
  }

  async #hangUp(): Promise<void> {
    if (this.where.in === "gone") return;
    const { where } = this;
    this.where = { in: "gone" };
    if (where.in === "stream" && where.stream.closedWith === null) where.stream.stop(sid(1));
    const form = this.#form();
    if (where.in === "dial") {
      const query = Object.fromEntries(new URL(where.action).searchParams);
      const link = readCallbackLink(query);
      await this.bench.calls.transferStatus({ ...form, DialCallStatus: "no-answer" }, link);
    }
    this.bench.calls.callback("call-status", form, PLAIN);
  }

  async #execute(twiml: Twiml): Promise<void> {
    for (const verb of twiml) if (await this.#carriesOn(verb, twiml)) return;
    await this.#hangUp();
  }

  /** Whether the caller stays in this verb. */
  async #carriesOn(verb: TwimlVerb, twiml: Twiml): Promise<boolean> {
    switch (verb.verb) {
      case "connect_stream": {
        const stream = this.bench.stream();
        stream.phone.advance(this.bench.clock.nowMs());
        this.where = { in: "stream", stream };
        stream.start(sid(1), parametersOf(twiml));
        return true;
      }
      case "dial":
        if (verb.action === undefined) throw new Error("a dial without an action leads nowhere");
        this.where = { in: "dial", action: verb.action };
        return true;
      case "hangup":
        await this.#hangUp();
        return true;
      case "say":
        this.#heardMs = this.bench.clock.nowMs();
        return false;
      default:
        return false;
    }
  }

  async happen(what: Happening): Promise<void> {
    await this.#act(what);
    await this.settle();
  }

  async #act(what: Happening): Promise<void> {
    const { where, bench } = this;
    const model = bench.dialer.sockets.at(-1);
    const talks = where.in === "stream" && model !== undefined && model.closedWith === null;
    switch (what) {
      case "agent_speaks":
      case "model_speaks_late": {
        if (!talks) return;
        const id = `r${++this.#responses}`;
        this.model.created(id);
        this.model.delta(id, `i-${id}`, 6_000);
        if (what === "agent_speaks") this.model.done(id);
        return;
      }
      case "barge_in":
        if (talks)
          this.model.says({
            type: "input_audio_buffer.speech_started",
            item_id: `u${++this.#responses}`,
            audio_start_ms: 0,
          });
        return;
      case "agent_transfers":
      case "agent_ends": {
        if (!talks) return;
        const id = `r${++this.#responses}`;
        this.model.created(id);
        this.model.done(id, {
          output: [
            {
              type: "function_call",
              id: `f-${id}`,
              status: "completed",
              call_id: `c-${id}`,
              name: what === "agent_ends" ? "end_call" : "transfer_call",
              arguments: "{}",
            },
          ],
        });
        const tools = bench.tools.find((each) => each.batches.length > 0);
        tools?.answer("{}", disposition(what));
        return;
      }
      case "key":
        if (where.in === "stream") where.stream.key("0");
        return;
      case "supervisor_transfers":
        await bench.calls.execute(sid(1), supervisorTransfer("desk", "asked", "ada"));
        return;
      case "hang_up":
        await this.#hangUp();
        return;
      case "stream_breaks":
        if (where.in !== "stream") return;
        where.stream.closedWith ??= 1006;
        return;
      case "model_drops":
        if (talks) this.model.drops();
        return;
      case "dial_answered":
      case "dial_busy": {
        if (where.in !== "dial") return;
        const DialCallStatus = what === "dial_answered" ? "completed" : "busy";
        const query = Object.fromEntries(new URL(where.action).searchParams);
        const link = readCallbackLink(query);
        await this.#ask(() => bench.calls.transferStatus(this.#form({ DialCallStatus }), link));
        return;
      }
      case "callback_again":
        // Twilio repeats a request whose answer it lost, and takes the first answer.
        await this.#last?.();
    }
  }
}

function disposition(what: "agent_transfers" | "agent_ends") {
  if (what === "agent_ends") return { kind: "end", reason: "end_call", farewell: "play" } as const;
  const request = {
    destination: "desk",
    reason: "asked",
    summary: null,
    urgency: null,
    by: "agent",
  } as const;
  return { kind: "transfer", farewell: "play", request } as const;
}
