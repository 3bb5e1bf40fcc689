/**
 * Plays what came from outside of a recorded call to a call of this version, at the recorded times
 * and by a clock of its own, and records what the call does: a recording again, to be compared with
 * the first.
 */

import type { StreamSid } from "../domain/ids.js";
import type { CallJournal } from "../domain/record-event.js";
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
import { type MediaPath, mediaPaths } from "../relay/media/media-path.js";
import type { ResponseEnd, SessionTool } from "../relay/model/model-session.js";
import { RealtimeSessions } from "../relay/model/openai-realtime/realtime-sessions.js";
import { flightRecorder } from "./call-recorder.js";
import type { FlightInput, FlightLine } from "./format.js";
import { agentOf, type FlightPart, FlightReader } from "./reader.js";
import { ReplayClock } from "./replay-clock.js";
import { type HostCall, readScript, readTimers, type Script } from "./script.js";

export interface ReplayDeps {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly version: string;
  /** Gets the record of the call as it is now. Default: it is not kept. */
  readonly journal?: CallJournal;
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
  readonly #call: Call<MediaPath>;
  readonly #reader = new FlightReader();
  readonly #specs: readonly SessionTool[];
  readonly #unused: string[] = [];
  readonly #models: UpstreamSocketEvents[] = [];
  readonly #told: Record<HostCall, number> = {
    hand_over: 0,
    announce: 0,
    fall_back: 0,
    caller_gone: 0,
  };
  readonly #prices: (number | null)[];
  readonly #transcriptionPrices: (number | null)[];
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
    this.#prices = pricesIn(lines, "price");
    this.#transcriptionPrices = pricesIn(lines, "transcription_price");
    const clock = this.#clock;
    const callDeps: CallDeps = {
      clock,
      // Its ticks are in the recording.
      ticker: new FrameTicker(new ReplayClock(0), () => undefined),
      metrics: deps.metrics,
      log: deps.log,
      journal: deps.journal ?? new MemoryJournal({ limit: 1 }),
      pool: new BlockPool(),
      node: header.node,
      ...header.settings,
      flights: flightRecorder(() => this.#sink(deps.line), deps.version),
      models: new RealtimeSessions({
        dialer: this.#dialer,
        url: this.#modelUrl(lines),
        clock,
        metrics: deps.metrics,
      }),
      tools: (host) => this.#tools(host),
      lookUp: header.asksCrm
        ? () =>
            new Promise((resolve) => {
              this.#recognised = resolve;
            })
        : null,
      price: () => this.#prices.shift() ?? null,
      transcriptionPrice: () => this.#transcriptionPrices.shift() ?? null,
      admission: null,
    };
    const paths = mediaPaths({ twiml: () => [] });
    const agent = agentOf(header);
    this.#call = new Call(header.parties, agent, paths, this.#callHost(), callDeps);
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

  // --- what came from outside --------------------------------------------------------------------

  #deliver(input: FlightInput): void {
    switch (input.in) {
      case "phone":
        this.#phone(input);
        return;
      case "model": {
        const model = this.#models[input.leg - 1];
        if (model === undefined) this.#unwanted(input, "the model was not dialled by then");
        else if (input.event === "opened") model.opened();
        else if (input.event === "closed") model.closed(input.failure);
        else model.message(input.message);
        return;
      }
      case "clock":
        if (input.event === "tick") this.#call.path.tick(this.#clock.nowMs());
        else this.#clock.runTimer(input.timer);
        return;
      case "crm":
        if (this.#recognised === null) this.#unwanted(input, "the CRM was not asked");
        this.#recognised?.(input.profile);
        this.#recognised = null;
        return;
      case "price":
      case "transcription_price":
        // Taken when it is asked for.
        return;
      case "tools":
        this.#toolSaid(input);
        return;
      case "command": {
        const { in: _, at: __, ...command } = input;
        this.#call.execute(command);
        return;
      }
    }
  }

  #phone(input: Extract<FlightInput, { in: "phone" }>): void {
    switch (input.event) {
      case "started": {
        const { callSid } = this.#call.parties;
        const leg = new MediaLeg(
          NO_SOCKET,
          (start, claiming) => this.#call.path.claim(claiming, start.streamSid),
          // This leg says at once which call it is of.
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
        this.#host?.say(input.text);
        return;
      case "started":
        this.#host?.toolRuns.started(input.callId, input.sayWhileWaiting);
        return;
      case "ended":
        this.#host?.toolRuns.ended(input.callId);
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

  #unwanted(input: FlightInput, why: string): void {
    this.#unused.push(`at ${input.at} ms something came from ${input.in}, but ${why}`);
  }

  // --- what the call talks to ---------------------------------------------------------------------

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
      replied: () => undefined,
      cancelRunning: () => [],
      cancel: () => [],
    };
  }

  #callHost(): CallHost<Call<MediaPath>> {
    const asked = (what: HostCall): void => {
      for (const input of this.#script.inputsDuring[what][this.#told[what]++] ?? [])
        this.#deliver(input);
    };
    return {
      handOver: () => asked("hand_over"),
      announce: () => asked("announce"),
      fallBack: () => asked("fall_back"),
      callerGone: () => asked("caller_gone"),
      stateChanged: () => undefined,
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

/** The prices that the call was told, in order. */
function pricesIn(
  lines: readonly FlightLine[],
  kind: "price" | "transcription_price",
): (number | null)[] {
  return lines.flatMap((line) => ("in" in line && line.in === kind ? [line.usd] : []));
}

/** Promises that hang on promises have run. */
async function settled(): Promise<void> {
  for (let i = 0; i < 4; i++) await undefined;
}
