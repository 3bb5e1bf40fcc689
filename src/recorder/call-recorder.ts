/**
 * The flight recorder of one call: every message of both legs, and all else that decides what the
 * relay does, each with its time. It stands between a call and its neighbours and changes nothing.
 * `replay.ts` plays what it wrote; docs/replay.md has the format.
 */
import type { AgentProfile } from "../domain/agent-profile.js";
import type { CallParties } from "../domain/call-parties.js";
import type { Clock } from "../ports/clock.js";
import type { FlightSink } from "../ports/recorder.js";
import type { UpstreamDialer, UpstreamSocket, UpstreamSocketEvents } from "../ports/sockets.js";
import type { CallCommand } from "../relay/call/call-command.js";
import type { CallDeps, CallHost, CallTap, FlightRecorder } from "../relay/call/call-deps.js";
import type { CallState } from "../relay/call/call-events.js";
import type { CallTools, ToolHost } from "../relay/call/call-tools.js";
import type { FlightHeader, FlightSettings } from "./format.js";
import { withoutSecrets } from "./secrets.js";
import { nextTimer } from "./timer-names.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where flight recordings go. Null: this call is not recorded. */
export type OpenFlight = (parties: CallParties, agent: AgentProfile) => FlightSink | null;

/**
 * Records the calls that `open` opens a recording for. @param version  that writes the recordings.
 */
export function flightRecorder(open: OpenFlight, version: string): FlightRecorder {
  return {
    record: (parties, agent, deps) => {
      const sink = open(parties, agent);
      return sink === null ? null : new CallRecorder(sink, parties, agent, version, deps);
    },
  };
}

class CallRecorder implements CallTap {
  readonly #sink: FlightSink;
  readonly #clock: Clock;
  readonly #originMs: number;
  /**
   * The time at which something came in, for as long as it is being dealt with: a replay sees no
   * other.
   */
  #latchedMs: number | null = null;
  /** Per delay, so many timers were set. */
  readonly #timers = new Map<number, number>();
  #legs = 0;
  /** What came from outside, so far. */
  #inputs = 0;

  constructor(
    sink: FlightSink,
    parties: CallParties,
    agent: AgentProfile,
    version: string,
    deps: CallDeps,
  ) {
    this.#sink = sink;
    this.#clock = deps.clock;
    this.#originMs = deps.clock.nowMs();
    const settings: FlightSettings = {
      leadMs: deps.leadMs,
      uplinkPtimeMs: deps.uplinkPtimeMs,
      uplinkIdlePtimeMs: deps.uplinkIdlePtimeMs,
      upstreamTimeoutMs: deps.upstreamTimeoutMs,
      maxCallMinutes: deps.maxCallMinutes,
    };
    const header: Omit<FlightHeader, "at"> = {
      is: "call",
      format: 1,
      murelay: version,
      node: deps.node,
      epochMs: deps.clock.epochMs(),
      asksCrm: deps.lookUp !== null,
      parties: { ...parties, callToken: null },
      // What tools do is in the recording; how they are reached, and with which secrets, is not.
      agent: {
        ...agent,
        tools: [],
        languages: [...agent.languages],
        transfer: { ...agent.transfer, destinations: [...agent.transfer.destinations] },
      },
      settings,
    };
    this.#write(header);
  }

  // --- the phone's leg ---------------------------------------------------------------------------

  streamStarted(streamSid: string): void {
    this.#input({ in: "phone", event: "started", streamSid });
  }

  phoneSaid(message: Uint8Array, handle: () => void): void {
    this.#during(() => {
      this.#message('"in":"phone"', message);
      handle();
    });
  }

  phoneClosed(code: number): void {
    this.#input({ in: "phone", event: "closed", code });
  }

  toPhone(message: Uint8Array): void {
    this.#line('"out":"phone"', decoder.decode(message));
  }

  closesPhone(code: number): void {
    this.#write({ out: "phone", event: "close", code });
  }

  // --- the model's legs --------------------------------------------------------------------------

  #dialer(inner: UpstreamDialer): UpstreamDialer {
    return {
      dial: (url, events) => {
        const leg = ++this.#legs;
        this.#write({ out: "model", leg, event: "dial", url });
        const tapped: UpstreamSocketEvents = {
          opened: () =>
            this.#during(() => {
              this.#input({ in: "model", leg, event: "opened" });
              events.opened();
            }),
          message: (message) =>
            this.#during(() => {
              this.#message(`"in":"model","leg":${leg}`, message);
              events.message(message);
            }),
          closed: (failure) =>
            this.#during(() => {
              this.#input({ in: "model", leg, event: "closed", failure });
              events.closed(failure);
            }),
        };
        return this.#socket(leg, inner.dial(url, tapped));
      },
    };
  }

  #socket(leg: number, inner: UpstreamSocket): UpstreamSocket {
    return {
      send: (message) => {
        this.#line(`"out":"model","leg":${leg}`, withoutSecrets(decoder.decode(message)));
        inner.send(message);
      },
      bufferedBytes: () => inner.bufferedBytes(),
      close: (code, reason) => {
        this.#write({ out: "model", leg, event: "close", code });
        inner.close(code, reason);
      },
    };
  }

  // --- the call's other neighbours ---------------------------------------------------------------

  /** A caller's token lets one call in the caller's name, and has no part in what the call does. */
  command(command: CallCommand): void {
    this.#input({
      in: "command",
      ...(command.type === "resume_from"
        ? { ...command, handoff: { ...command.handoff, callToken: null } }
        : command),
    });
  }

  /** The same neighbours, with the recorder between. */
  deps(deps: CallDeps): CallDeps {
    const { lookUp } = deps;
    return {
      ...deps,
      lookUp:
        lookUp === null
          ? null
          : async (call) => {
              const profile = await lookUp(call);
              this.#input({ in: "crm", profile });
              return profile;
            },
      price: (model, tokens) => {
        const usd = deps.price(model, tokens);
        this.#input({ in: "price", usd });
        return usd;
      },
      transcriptionPrice: (model, use) => {
        const usd = deps.transcriptionPrice(model, use);
        this.#input({ in: "transcription_price", usd });
        return usd;
      },
      tools: (host) => this.#tools(deps.tools, host),
      clock: this.#callClock,
      models: {
        open: (request) =>
          deps.models.open({
            ...request,
            tap: { dialer: (dialer) => this.#dialer(dialer), nowMs: () => this.#nowMs },
          }),
      },
    };
  }

  #tools(create: (host: ToolHost) => CallTools, host: ToolHost): CallTools {
    const inner = create({
      parties: host.parties,
      agent: host.agent,
      eventLog: host.eventLog,
      log: host.log,
      get language() {
        return host.language;
      },
      say: (text) => {
        this.#input({ in: "tools", event: "announce", text });
        host.say(text);
      },
      toolRuns: {
        started: (callId, sayWhileWaiting) => {
          this.#input({ in: "tools", event: "started", callId, sayWhileWaiting });
          host.toolRuns.started(callId, sayWhileWaiting);
        },
        ended: (callId) => {
          this.#input({ in: "tools", event: "ended", callId });
          host.toolRuns.ended(callId);
        },
      },
      setLanguage: (language) => {
        this.#input({ in: "tools", event: "set_language", language });
        return host.setLanguage(language);
      },
      sendDtmf: (digits) => {
        this.#input({ in: "tools", event: "send_dtmf", digits });
        host.sendDtmf(digits);
      },
    });
    const { specs } = inner;
    this.#write({ is: "tools", specs: JSON.parse(withoutSecrets(JSON.stringify(specs))) });
    return {
      specs,
      run: (end, done) =>
        inner.run(end, (batch) => {
          this.#input({
            in: "tools",
            event: "done",
            calls: end.calls.map(({ callId }) => callId),
            batch,
          });
          done(batch);
        }),
      replied: () => inner.replied(),
      cancelRunning: () => inner.cancelRunning(),
      cancel: () => inner.cancel(),
    };
  }

  host<AnyCall extends { readonly state: CallState }>(inner: CallHost<AnyCall>): CallHost<AnyCall> {
    return {
      handOver: (call, request) =>
        this.#told("hand_over", { request }, () => inner.handOver(call, request)),
      announce: (call, request) =>
        this.#told("announce", { request }, () => inner.announce(call, request)),
      fallBack: (call, reason, follows) =>
        this.#told("fall_back", { reason }, () => inner.fallBack(call, reason, follows)),
      callerGone: (call) => this.#told("caller_gone", {}, () => inner.callerGone(call)),
      stateChanged: (call) => inner.stateChanged(call),
      ended: (call) => this.#over("ended", call, () => inner.ended(call)),
      movedAway: (call) => this.#over("moved_away", call, () => inner.movedAway(call)),
    };
  }

  /** What the host does to the call before it returns is an input that came from within. */
  #told(event: string, fields: object, run: () => void): void {
    this.#write({ out: "host", event, ...fields });
    const before = this.#inputs;
    run();
    if (this.#inputs > before) this.#write({ is: "returned", from: event });
  }

  #over(event: string, { state }: { readonly state: CallState }, run: () => void): void {
    const how = state.name === "ended" ? { outcome: state.outcome, reason: state.reason } : {};
    this.#write({ out: "host", event, ...how });
    run();
    this.#sink.close();
  }

  // --- time --------------------------------------------------------------------------------------

  get #nowMs(): number {
    return this.#latchedMs ?? this.#clock.nowMs();
  }

  /**
   * The call's clock: it stands still while something is dealt with, and its timers are recorded.
   */
  readonly #callClock: Clock = {
    nowMs: () => this.#nowMs,
    epochMs: () => this.#clock.epochMs(),
    after: (ms, run) => {
      const timer = nextTimer(this.#timers, ms);
      let waits = true;
      const inner = this.#clock.after(ms, () =>
        this.#during(() => {
          waits = false;
          this.#input({ in: "clock", event: "timer", timer });
          run();
        }),
      );
      return {
        cancel: () => {
          if (waits) this.#write({ is: "cancelled", timer });
          waits = false;
          inner.cancel();
        },
      };
    },
  };

  #during(run: () => void): void {
    if (this.#latchedMs !== null) {
      run();
      return;
    }
    this.#latchedMs = this.#originMs + rounded(this.#clock.nowMs() - this.#originMs);
    try {
      run();
    } finally {
      this.#latchedMs = null;
    }
  }

  /** The ticker stands in for frames that do not come. */
  tick(run: (nowMs: number) => void): void {
    this.#during(() => {
      this.#input({ in: "clock", event: "tick" });
      run(this.#nowMs);
    });
  }

  // --- lines -------------------------------------------------------------------------------------

  #input(fields: object): void {
    this.#inputs++;
    this.#write(fields);
  }

  #write(fields: object): void {
    this.#sink.line(JSON.stringify({ at: this.#at, ...fields }));
  }

  /** A peer's message, as it came. What is not JSON on one line is kept in another way. */
  #message(head: string, message: Uint8Array): void {
    this.#inputs++;
    let text: string;
    try {
      text = decoder.decode(message);
      JSON.parse(text);
      // Line ends between its tokens say nothing.
      if (/[\r\n]/.test(text)) text = text.replaceAll(/[\r\n]/g, " ");
    } catch {
      // A peer that breaks its protocol: just that is worth recording.
      const bytes = Buffer.from(message).toString("base64");
      this.#sink.line(`{"at":${this.#at},${head},"bytes":"${bytes}"}`);
      return;
    }
    this.#line(head, text);
  }

  #line(head: string, json: string): void {
    this.#sink.line(`{"at":${this.#at},${head},"message":${json}}`);
  }

  get #at(): number {
    return rounded(this.#nowMs - this.#originMs);
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
