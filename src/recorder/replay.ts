/**
 * Plays what came from outside of a recorded call to a call of this version, at the recorded times and by a clock of its own, and records what it
 * does: a recording again, to be compared with the first.
 */

import type { StreamSid } from "../domain/ids.js";
import { BlockPool } from "../playout/block-pool.js";
import type { CallerProfile } from "../ports/crm.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { FlightSink } from "../ports/recorder.js";
import type { MediaSocket, UpstreamSocketEvents } from "../ports/sockets.js";
import { MemoryJournal } from "../records/memory-journal.js";
import { Call } from "../relay/call/call.js";
import type { CallDeps, CallHost } from "../relay/call/call-deps.js";
import type { CallTools, ToolBatch } from "../relay/call/call-tools.js";
import { FrameTicker } from "../relay/media/frame-ticker.js";
import { MediaLeg } from "../relay/media/media-leg.js";
import type { ResponseEnd, SessionTool } from "../relay/model/model-session.js";
import { RealtimeSessions } from "../relay/model/openai-realtime/realtime-sessions.js";
import type { CallCommand, FlightInput } from "./format.js";
import { agentOf, type FlightPart, FlightReader } from "./reader.js";
import { ReplayClock } from "./replay-clock.js";
import { type Asking, readScript, readTimers, type Script } from "./script.js";

export interface ReplayDeps {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly version: string;
  /** Sees each line of the replay's own recording. */
  readonly line?: (json: string) => void;
}

export interface Replayed {
  readonly part: FlightPart;
  /** What the recording told the call and it had no use for, in words. */
  readonly unused: readonly string[];
}

export async function replayPart(part: FlightPart, deps: ReplayDeps): Promise<Replayed> {
  const world = new ReplayWorld(part, readScript(part.lines), deps);
  return world.run();
}

class ReplayWorld {
  readonly #script: Script;
  readonly #clock: ReplayClock;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #call: Call;
  readonly #reader = new FlightReader();
  readonly #specs: readonly SessionTool[];
  readonly #unused: string[] = [];
  readonly #models: UpstreamSocketEvents[] = [];
  readonly #told: Record<Asking, number> = { hand_over: 0, announce: 0, caller_gone: 0 };
  readonly #prices: (number | null)[];
  readonly #batches: { readonly end: ResponseEnd; readonly done: (batch: ToolBatch) => void }[] =
    [];
  #leg: MediaLeg | null = null;
  #host: Parameters<CallDeps["tools"]>[0] | null = null;
  #recognised: ((profile: CallerProfile | null) => void) | null = null;

  constructor(part: FlightPart, script: Script, deps: ReplayDeps) {
    const { header, lines } = part;
    this.#script = script;
    this.#log = deps.log;
    this.#metrics = deps.metrics;
    this.#clock = new ReplayClock(header.epochMs, readTimers(lines));
    this.#specs = lines.find((line) => "is" in line && line.is === "tools")?.specs ?? [];
    this.#prices = lines.flatMap((line) => ("in" in line && line.in === "price" ? [line.usd] : []));
    const clock = this.#clock;
    const callDeps: CallDeps = {
      clock,
      // Its beats are in the recording.
      ticker: new FrameTicker(new ReplayClock(0), () => undefined),
      metrics: deps.metrics,
      log: deps.log,
      journal: new MemoryJournal({ limit: 1 }),
      pool: new BlockPool(),
      node: header.node,
      ...header.settings,
      flights: { version: deps.version, record: () => this.#sink(deps.line) },
      models: new RealtimeSessions({
        dialer: this.#dialer,
        url: this.#modelUrl(lines),
        clock,
        metrics: deps.metrics,
        log: deps.log,
      }),
      tools: (host) => this.#tools(host),
      lookUp: header.asksCrm
        ? () =>
            new Promise((resolve) => {
              this.#recognised = resolve;
            })
        : null,
      price: () => this.#prices.shift() ?? null,
    };
    this.#call = new Call(header.parties, agentOf(header), this.#callHost(), callDeps);
  }

  async run(): Promise<Replayed> {
    for (const input of this.#script.inputs) {
      this.#clock.advanceTo(input.at);
      this.#deliver(input);
      // What awaits something that is here goes on before the next.
      await settled();
    }
    // What is due at that very instant, too.
    this.#clock.advanceTo(this.#script.endMs + 0.001);
    await settled();
    const part = this.#reader.end().parts[0]!;
    return { part, unused: this.#unused };
  }

  #sink(line: ReplayDeps["line"]): FlightSink {
    return {
      line: (json) => {
        this.#reader.line(json);
        line?.(json);
      },
      close: () => undefined,
    };
  }

  // --- what came from outside -----------------------------------------------------------------------

  #deliver(input: FlightInput): void {
    switch (input.in) {
      case "phone":
        this.#phone(input);
        return;
      case "model": {
        const model = this.#models[input.leg - 1];
        if (model === undefined) this.#unwanted(input, "nobody dialled the model by then");
        else if (input.event === "opened") model.opened();
        else if (input.event === "closed") model.closed(input.failure);
        else model.message(input.message);
        return;
      }
      case "clock":
        if (input.event === "beat") this.#call.tick(this.#clock.nowMs());
        else this.#clock.runTimer(input.timer);
        return;
      case "crm":
        if (this.#recognised === null) this.#unwanted(input, "nobody asked who calls");
        this.#recognised?.(input.profile);
        this.#recognised = null;
        return;
      case "price":
        // Taken when it is asked for.
        return;
      case "tools":
        this.#toolSaid(input);
        return;
      case "desk":
        this.#order(input);
        return;
    }
  }

  #phone(input: Extract<FlightInput, { in: "phone" }>): void {
    switch (input.event) {
      case "started": {
        const { callSid } = this.#call.parties;
        const leg = new MediaLeg(
          NO_SOCKET,
          (start, claiming) => this.#call.claim(claiming, start.streamSid),
          // Only whoever has not said who it is has to hurry.
          { clock: new ReplayClock(0), metrics: this.#metrics, log: this.#log },
        );
        this.#leg = leg;
        leg.message(startMessage(callSid, input.streamSid as StreamSid));
        return;
      }
      case "message":
        if (this.#leg === null) this.#unwanted(input, "there is no stream");
        this.#leg?.message(input.message);
        return;
      case "closed":
        this.#leg?.closed(input.code);
        return;
    }
  }

  #toolSaid(input: Extract<FlightInput, { in: "tools" }>): void {
    switch (input.event) {
      case "announce":
        this.#host?.announce(input.text);
        return;
      case "set_language":
        this.#host?.setLanguage(input.language);
        return;
      case "send_dtmf":
        this.#host?.sendDtmf(input.digits);
        return;
      case "done": {
        const key = input.calls.join();
        const at = this.#batches.findIndex(
          ({ end }) => end.calls.map(({ callId }) => callId).join() === key,
        );
        if (at < 0) this.#unwanted(input, "the call never ran these tools");
        else this.#batches.splice(at, 1)[0]!.done(input.batch);
        return;
      }
    }
  }

  #order(given: CallCommand): void {
    const call = this.#call;
    switch (given.order) {
      case "prewarm":
        call.prewarm();
        return;
      case "dial_later":
        call.dialLater();
        return;
      case "recognise":
        void call.lookUpCaller();
        return;
      case "brief":
        call.giveContext(given.context);
        return;
      case "inherit":
        call.resumeFrom(given.heritage);
        return;
      case "owe":
        call.oweReply(given.fact);
        return;
      case "leave":
        call.leave(given.departure);
        return;
      case "caller_gone":
        call.callerGone();
        return;
      case "abandon":
        call.abandon(given.reason);
        return;
      case "moved":
        call.moved();
        return;
      case "transfer_ended":
        call.transferEnded(given.next);
        return;
      case "close_stream":
        call.closeStream();
        return;
      case "drop_stream":
        call.dropStream();
        return;
      case "answered_by":
        call.answeredBy(given.by);
        return;
    }
  }

  #unwanted(input: FlightInput, why: string): void {
    this.#unused.push(`at ${input.at} ms something came from ${input.in}, but ${why}`);
  }

  // --- the call's neighbours ------------------------------------------------------------------------

  readonly #dialer = {
    dial: (_url: string, events: UpstreamSocketEvents) => {
      this.#models.push(events);
      return NO_SOCKET;
    },
  };

  /** As it was dialled, without what the session adds. */
  #modelUrl(lines: FlightPart["lines"]): string {
    const dial = lines.find(
      (line) => "out" in line && line.out === "model" && line.event === "dial",
    );
    if (dial === undefined || !("url" in dial)) return "wss://api.openai.com/v1/realtime";
    const url = new URL(dial.url);
    url.searchParams.delete("model");
    return url.href;
  }

  #tools(host: Parameters<CallDeps["tools"]>[0]): CallTools {
    this.#host = host;
    return {
      specs: this.#specs,
      run: (end, done) => void this.#batches.push({ end, done }),
      cancel: () => undefined,
    };
  }

  #callHost(): CallHost<Call> {
    const asked = (what: Asking): void => {
      for (const input of this.#script.within[what][this.#told[what]++] ?? []) this.#deliver(input);
    };
    return {
      handOver: () => asked("hand_over"),
      announce: () => asked("announce"),
      callerGone: () => asked("caller_gone"),
      ended: () => undefined,
      movedAway: () => undefined,
    };
  }
}

const NO_SOCKET: MediaSocket = {
  send: () => true,
  cork: (write) => write(),
  bufferedBytes: () => 0,
  close: () => undefined,
};

function startMessage(callSid: string, streamSid: string): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({
      event: "start",
      sequenceNumber: "1",
      streamSid,
      start: {
        accountSid: `AC${"0".repeat(32)}`,
        streamSid,
        callSid,
        tracks: ["inbound"],
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
        customParameters: {},
      },
    }),
  );
}

/** Promises that hang on promises have run. */
async function settled(): Promise<void> {
  for (let i = 0; i < 4; i++) await undefined;
}
