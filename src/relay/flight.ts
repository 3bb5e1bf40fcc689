/**
 * The flight recorder of one call: every message of both legs, and all else that decides what the relay does, each with its
 * time. It stands between a call and its neighbours and changes nothing. `replay/` plays what it wrote; docs/replay.md has the
 * format.
 */
import type { AgentProfile } from "../agent.js";
import type { FlightSink, UpstreamDialer, UpstreamSocket, UpstreamSocketEvents } from "../ports.js";
import { STANDSTILL_MS } from "../standstill.js";
import type { Call, CallDeps, CallHost, CallParties } from "./call.js";
import type { CallTools, ToolHost } from "./call-tools.js";
import type { DeskOrder, FlightHeader, FlightSettings } from "./flight-lines.js";
import { withoutSecrets } from "./flight-secrets.js";
import type { TransferRequest } from "./transfer-request.js";

export interface FlightRecorder {
  /** Null: this call is not recorded. */
  record(parties: CallParties, agent: AgentProfile): FlightSink | null;
  /** That wrote the recording. */
  readonly version: string;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Flight {
  readonly #sink: FlightSink;
  readonly #nowMs: () => number;
  readonly #originMs: number;
  #legs = 0;
  /** What came from outside, so far. */
  #inputs = 0;
  /** When this process last did anything for the call; null: nothing is due at all times. */
  #aliveMs: number | null = null;

  constructor(sink: FlightSink, parties: CallParties, agent: AgentProfile, version: string, deps: CallDeps) {
    this.#sink = sink;
    this.#nowMs = () => deps.clock.nowMs();
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
      // What tools do is in the recording; how they are reached, and with which secrets, is nobody's business there.
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

  // --- the phone's leg ------------------------------------------------------------------------------

  streamStarted(streamSid: string): void {
    this.#input({ in: "phone", event: "started", streamSid });
    this.#aliveMs = this.#nowMs();
  }

  phoneSaid(message: Uint8Array): void {
    this.#message('"in":"phone"', message);
  }

  phoneClosed(code: number): void {
    this.#input({ in: "phone", event: "closed", code });
    this.#aliveMs = null;
  }

  toPhone(message: Uint8Array): void {
    this.#line('"out":"phone"', decoder.decode(message));
  }

  closesPhone(code: number): void {
    this.#write({ out: "phone", event: "close", code });
    this.#aliveMs = null;
  }

  // --- the model's legs -----------------------------------------------------------------------------

  dialer(inner: UpstreamDialer): UpstreamDialer {
    return {
      dial: (url, events) => {
        const leg = ++this.#legs;
        this.#write({ out: "model", leg, event: "dial", url });
        const tapped: UpstreamSocketEvents = {
          opened: () => {
            this.#input({ in: "model", leg, event: "opened" });
            events.opened();
          },
          message: (message) => {
            this.#message(`"in":"model","leg":${leg}`, message);
            events.message(message);
          },
          closed: (failure) => {
            this.#input({ in: "model", leg, event: "closed", failure });
            events.closed(failure);
          },
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

  // --- the call's other neighbours ------------------------------------------------------------------

  ordered(order: DeskOrder): void {
    this.#input({ in: "desk", ...order });
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
      tools: (host) => this.#tools(deps.tools, host),
      openSession: (profile, history, events, life) =>
        deps.openSession(profile, history, events, life, (dialer) => this.dialer(dialer)),
    };
  }

  #tools(create: (host: ToolHost) => CallTools, host: ToolHost): CallTools {
    const inner = create({
      parties: host.parties,
      agent: host.agent,
      story: host.story,
      get language() {
        return host.language;
      },
      announce: (text) => {
        this.#input({ in: "tools", event: "announce", text });
        host.announce(text);
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
          this.#input({ in: "tools", event: "done", calls: end.calls.map(({ callId }) => callId), batch });
          done(batch);
        }),
      cancel: () => inner.cancel(),
    };
  }

  host(inner: CallHost): CallHost {
    return {
      handOver: (call, request) => this.#told("hand_over", request, () => inner.handOver(call, request)),
      announce: (call, request) => this.#told("announce", request, () => inner.announce(call, request)),
      callerGone: (call) => this.#told("caller_gone", null, () => inner.callerGone(call)),
      ended: (call) => this.#over("ended", call, () => inner.ended(call)),
      movedAway: (call) => this.#over("moved_away", call, () => inner.movedAway(call)),
    };
  }

  /** What the neighbour does to the call before it returns is part of it, and said to be so. */
  #told(event: string, request: TransferRequest | null, run: () => void): void {
    this.#write({ out: "desk", event, ...(request === null ? {} : { request }) });
    const before = this.#inputs;
    run();
    if (this.#inputs > before) this.#write({ is: "returned", from: event });
  }

  #over(event: string, { state }: Call, run: () => void): void {
    const how = state.name === "ended" ? { outcome: state.outcome, reason: state.reason } : {};
    this.#write({ out: "desk", event, ...how });
    run();
    this.#sink.close();
  }

  // --- time -----------------------------------------------------------------------------------------

  /** Every beat of the ticker while there is a stream: what is missing is time in which this process stood still. */
  ticked(nowMs: number): void {
    this.#stoodStill(nowMs);
  }

  #stoodStill(nowMs: number): void {
    if (this.#aliveMs === null) return;
    const ms = nowMs - this.#aliveMs;
    this.#aliveMs = nowMs;
    if (ms >= STANDSTILL_MS) this.#write({ is: "standstill", ms: rounded(ms) });
  }

  // --- lines ----------------------------------------------------------------------------------------

  #input(fields: object): void {
    this.#inputs++;
    this.#stoodStill(this.#nowMs());
    this.#write(fields);
  }

  #write(fields: object): void {
    const at = rounded(this.#nowMs() - this.#originMs);
    this.#sink.line(JSON.stringify({ at, ...fields }));
  }

  /** A peer's message, as it came. What is not JSON on one line is kept in another way. */
  #message(head: string, message: Uint8Array): void {
    this.#inputs++;
    this.#stoodStill(this.#nowMs());
    let text: string;
    try {
      text = decoder.decode(message);
      JSON.parse(text);
      // Line ends between its tokens say nothing.
      if (/[\r\n]/.test(text)) text = text.replaceAll(/[\r\n]/g, " ");
    } catch {
      // A peer that breaks its protocol: just that is worth having on record.
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
    return rounded(this.#nowMs() - this.#originMs);
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
